"""A worker's metrics under load, while its processes and whole workers are killed; and what Prometheus asks of them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil
import pytest
import redis
from sqlalchemy import func, select

from flowledger.cli import processes
from flowledger.cli.embedded import free_port
from flowledger.cli.processes import Process
from flowledger.client.publisher import Publisher
from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.storage import tables
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.conftest import settings_for
from tests.postgresql import PostgresqlServer
from tests.storage.recording import count
from tests.waiting import wait_until
from tests.workers.metrics import asked
from tests.workers.metrics.scraping import Scrape, counted, fetched
from tests.workers.test_worker import history

_ROUND: Final = 800
_SCRAPE_SECONDS: Final = 0.2


@dataclass
class Live:
    """A worker that serves metrics, and what was scraped from it while it was killed and started again."""

    settings: Settings
    storage: Storage
    port: int
    folder: Path
    scrapes: list[Scrape] = field(default_factory=list)
    before_kills: list[Scrape] = field(default_factory=list)
    workers: list[Process] = field(default_factory=list)

    def start(self) -> Process:
        quick = self.settings.model_copy(update={"lease_seconds": 1.0})
        environment = processes.worker_environment(quick) | {
            "LEDGER_LEASE_SECONDS": "1",
            "LEDGER_METRICS_ADDRESS": f"127.0.0.1:{self.port}",
        }
        log = self.folder / f"worker-{len(self.workers)}.log"
        worker = Process("worker", processes.worker_command(2), environment, log)
        worker.start()
        self.workers.append(worker)
        return worker

    def scrape(self) -> Scrape:
        return wait_until(self.scraped, 20, "an answer at the port of the metrics")  # type: ignore[return-value]

    def scraped(self) -> Scrape | None:
        with suppress(OSError):
            return fetched(self.port)
        return None

    def scrape_again_and_again(self, stopping: threading.Event) -> None:
        while not stopping.wait(_SCRAPE_SECONDS):
            if (found := self.scraped()) is not None:
                self.scrapes.append(found)


@pytest.fixture(scope="module")
def live(
    postgresql_server: PostgresqlServer, redis_server_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    """A worker under load; a process of its pool was killed, then all of it, and another one has recorded the rest."""
    folder = tmp_path_factory.mktemp("metrics")
    with postgresql_server.database() as url:
        settings = settings_for(url, redis_server_url, home=folder)
        with Storage(make_engine(settings)) as storage, closing(redis.Redis.from_url(redis_server_url)) as client:
            served = Live(settings, storage, free_port(), folder)
            try:
                _load_and_kill(served, client)
                yield served
            finally:
                for worker in served.workers:
                    worker.kill()
                client.flushdb()


def _load_and_kill(live: Live, client: redis.Redis) -> None:
    events = history(3 * _ROUND // 4)
    stopping = threading.Event()
    scraping = threading.Thread(target=live.scrape_again_and_again, args=(stopping,), daemon=True)
    with Publisher(settings=live.settings) as publisher:
        worker = live.start()
        live.scrape()
        scraping.start()
        for number in range(3):
            begun = count(live.storage, "events")
            for shard in range(8):
                client.xadd(streams.stream(shard), {streams.FIELD: b"rubbish" if shard % 2 else raw("task.flown")})
            publisher.publish_many(events[number * _ROUND : (number + 1) * _ROUND])
            wait_until(lambda begun=begun: count(live.storage, "events") > begun, 30)  # type: ignore[misc]
            live.before_kills.append(live.scrape())
            if number == 0:
                os.kill(psutil.Process(worker.pid).children()[0].pid, signal.SIGKILL)
            elif number == 1:
                worker.kill()
                worker = live.start()
        publisher.publish_many([raw("message.sent", to_sandbox_ids=["b", "c"])])
        wait_until(lambda: _dispatched(live.storage) == 2 and publisher.backlog() == 0, 60, "the last event")
    stopping.set()
    scraping.join()


def _dispatched(storage: Storage) -> int:
    return counted(storage, tables.events.c.type).get("message.dispatched", 0)


def test_after_kills_the_counters_are_those_of_the_tables(live: Live) -> None:
    def dead_letters() -> dict[str, float]:
        return live.scrape().by("ledger_dead_letters_total", "reason")

    in_the_table = counted(live.storage, tables.dead_letters.c.reason)
    assert in_the_table == {"not_json": 12, "unknown_type": 12}
    wait_until(lambda: dead_letters() == in_the_table, 20, "the count of dead letters, which is asked for seldom,")
    found = live.scrape()
    assert found.by("ledger_events_total", "type") == counted(live.storage, tables.events.c.type)
    assert sum(found.by("ledger_events_total", "type").values()) >= 3 * _ROUND + 1
    assert found.value("ledger_worker_processes") == 2
    assert max(scrape.value("ledger_worker_processes_busy") for scrape in live.before_kills) in (1, 2)
    assert found.by("ledger_backlog_entries", "shard") == {}


def test_no_counter_ever_fell_and_none_was_ahead_of_the_tables(live: Live) -> None:
    final = live.scrape()
    names = ("ledger_events_total", "ledger_dead_letters_total")
    for name, label in zip(names, ("type", "reason"), strict=True):
        before: dict[str, float] = {}
        for found in live.scrapes:
            now = found.by(name, label)
            assert all(now.get(key, 0) >= value for key, value in before.items())
            before = now
        assert all(final.by(name, label).get(key, 0) >= value for key, value in before.items())
    seen = [sum(found.by(names[0], "type").values()) for found in live.before_kills]
    assert 0 < seen[0] < seen[1] < seen[2] <= sum(final.by(names[0], "type").values())


def test_histograms_are_the_sums_of_the_table(live: Live) -> None:
    drains = tables.drains.c

    def is_complete() -> bool:
        with live.storage.reading() as connection:
            sums = connection.execute(select(func.sum(drains.recorded + drains.repeated + drains.dead))).scalar_one()
        found = live.scrape()
        return int(sums) == found.value("ledger_batch_entries_sum") == found.value("ledger_event_latency_seconds_count")

    wait_until(is_complete, 20, "the same sums in table and metrics")


def test_every_metric_that_dashboard_and_alerts_ask_for_is_there(live: Live) -> None:
    there = live.scrape().labels()
    queries = asked.queries()
    assert len(queries) > 40
    missing = {name: query for query in queries for name in asked.metrics(query) if name not in there}
    assert missing == {}
    wrong = {
        query: labels - known
        for query in queries
        for labels in [asked.labels(query)]
        for known in [set().union(*(there[name] for name in asked.metrics(query)), asked.OF_TARGETS)]
        if not labels <= known
    }
    assert wrong == {}


def test_every_metric_is_documented_with_its_labels(live: Live) -> None:
    page = (Path(__file__).parents[3] / "docs" / "contract" / "service-metrics.md").read_text()
    there = {name: labels for name, labels in live.scrape().labels().items() if name.startswith("ledger_")}
    assert len(there) > 30
    for name, labels in there.items():
        plain = asked.without_suffix(name)
        line = next((line for line in page.splitlines() if line.startswith(f"| `{plain}`")), "")
        assert line, f"{plain} is not documented"
        assert all(f"`{label}`" in line for label in labels - {"le"}), f"labels of {plain}: {labels}"


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="Prometheus is not installed")
def test_a_prometheus_that_scrapes_a_worker_has_an_answer_to_every_query(live: Live, tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
        f"rule_files: ['{asked.ALERTS}']\n"
        "scrape_configs: [{job_name: flowledger, static_configs: [{targets: ['127.0.0.1:" + str(live.port) + "']}]}]\n"
    )
    command = [
        "prometheus", f"--config.file={tmp_path / 'prometheus.yml'}", f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as prometheus:
        try:
            wait_until(lambda: _answer(port, "ledger_up"), 30, "a scrape")
            with Publisher(settings=live.settings) as publisher:  # of rates that are 0 there are no percentiles
                publisher.publish_many([raw("task.logged") for _ in range(100)])
            for query in asked.queries():
                runnable = asked.runnable(query)
                wait_until(lambda asked=runnable: _answer(port, asked), 30, runnable)  # type: ignore[misc]
            rules = _api(port, "rules")["groups"][0]["rules"]
            assert [rule["name"] for rule in rules if rule["health"] != "ok"] == []
        finally:
            prometheus.terminate()


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
@pytest.mark.parametrize("check", [("rules", "alerts.yml"), ("config", "prometheus.yml")])
def test_promtool_finds_nothing_wrong(check: tuple[str, str]) -> None:
    kind, file = check
    subprocess.run(["promtool", "check", kind, str(asked.ALERTS.with_name(file))], check=True, capture_output=True)


def _answer(port: int, query: str) -> Any:
    with suppress(OSError):
        found = _api(port, f"query?{urllib.parse.urlencode({'query': query})}")["result"]
        return [one for one in found if one["value"][1] != "NaN"]
    return None


def _api(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}", timeout=10) as reply:
        return json.load(reply)["data"]
