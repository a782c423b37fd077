"""The overview: what it tells, and that it tells the rest when a server does not answer."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta

import pytest
import redis

from flowledger.domain import streams
from flowledger.domain.errors import DatabaseUnavailable
from flowledger.domain.settings import Settings
from flowledger.domain.times import now
from flowledger.storage.retention import rounds, sizes
from flowledger.storage.retention.rounds import Round
from flowledger.storage.unit_of_work import Storage
from flowledger.web.history import MINUTES, minutes, quantile
from tests.builders import raw
from tests.conftest import settings_for
from tests.storage.recording import record
from tests.web.site import Site, served
from tests.web.test_drain_pages import drain, keep


@pytest.fixture
def client(redis_url: str) -> redis.Redis:
    return redis.Redis.from_url(redis_url)


@pytest.mark.leaves("ledger:broker")
def test_it_tells_what_waits_and_what_is_wrong(site: Site, storage: Storage, client: redis.Redis) -> None:
    with closing(client):
        for _ in range(7):
            client.xadd(streams.stream(2), {"event": "{}"})
        client.hset(streams.PAUSED, "2", '{"by": "<jo>", "at": "2026-01-31T12:00:00Z", "why": "a test"}')
        client.set(streams.HOLD, "the database is away", ex=60)
        client.xadd(streams.inbox("sb_1"), {"event": "{}"})
    record(storage, raw("task.progressed", progress=2), raw("task.created"))
    page = site.get("/ledger")
    assert page.status == 200
    assert page.queries <= 30
    assert "waiting 7" in page.words
    assert "shard 2 is paused by &lt;jo&gt; since 2026-01-31T12:00:00Z: a test" in page.text
    assert "nothing is recorded for now: the database is away" in page.words
    assert "no worker answers" in page.words
    assert "1 invalid_data data.progress" in page.words
    assert "0 in the outbox, 1 in 1 inbox" in page.words
    assert page.text.count("<html") == 1
    live = site.get("/ledger/live")
    assert "shard 2 is paused" in live.words
    assert "<html" not in live.text


def test_the_number_of_queries_does_not_grow(site: Site, storage: Storage) -> None:
    before = site.get("/ledger").queries
    keep(storage, *map(drain, range(200)))
    record(storage, *(raw("task.progressed", subject=f"t{place}", progress=2) for place in range(100)))
    site.ledger.fresh._known.clear()
    assert site.get("/ledger").queries <= before + 1


def test_viewers_share_what_was_found(site: Site, storage: Storage) -> None:
    site.get("/ledger")
    record(storage, raw("task.progressed", progress=2))
    assert "invalid_data" not in site.get("/ledger").words


def test_without_redis_it_tells_what_the_database_knows(database_url: str, storage: Storage) -> None:
    record(storage, raw("task.progressed", progress=2))
    with served(settings_for(database_url, "redis://:canary-secret@127.0.0.1:1/0")) as site:
        page = site.get("/ledger")
    assert page.status == 200
    assert "Redis does not answer" in page.words
    assert "1 invalid_data data.progress" in page.words
    assert "canary-secret" not in page.text


def test_it_does_not_wait_for_what_is_slow(
    settings: Settings, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(storage, raw("task.progressed", progress=2))
    goes_on = threading.Event()
    monkeypatch.setattr("flowledger.web.pages.overview.gathered", lambda *_: goes_on.wait(20))
    monkeypatch.setattr("flowledger.web.pages.overview._PATIENCE_SECONDS", 0.3)
    with served(settings) as site:
        page = site.get("/ledger")
        goes_on.set()
    assert page.status == 200
    assert "the service has not answered" in page.words
    assert "1 invalid_data data.progress" in page.words


def test_flower_goes_on_while_a_page_reads(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its event loop serves all pages, and the events of all workers."""
    began, goes_on = threading.Event(), threading.Event()

    def read(*_: object) -> None:
        began.set()
        goes_on.wait(20)
        raise DatabaseUnavailable("it took too long")

    monkeypatch.setattr("flowledger.web.pages.overview.gathered", read)
    with served(settings) as site, ThreadPoolExecutor(1) as viewers:
        page = viewers.submit(site.get, "/ledger")
        assert began.wait(20)
        assert site.get("/healthcheck").text == "OK"
        assert not page.done()
        goes_on.set()
        assert "it took too long" in page.result().words


def test_a_fault_of_ours_is_told_without_its_trace(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("canary-secret")

    monkeypatch.setattr("flowledger.web.pages.overview.gathered", fail)
    with served(settings) as site:
        page = site.get("/ledger")
    assert page.status == 500
    assert "canary-secret" not in page.text
    assert "Flower's log has more" in page.words.replace("&#x27;", "'")


def test_minutes_add_up_what_drains_did() -> None:
    begin = now().replace(second=0, microsecond=0) - timedelta(minutes=MINUTES)
    first, second = drain(1), drain(2, dead=3)
    old = type(first)(**{name: getattr(first, name) for name in first.__slots__} | {"ended_at": begin})
    found = minutes([old, first, second], begin)
    assert (found[0].recorded, found[0].dead, sum(one.recorded for one in found[1:])) == (10, 0, 0)
    middle = quantile(found[0].latency, 0.5)
    assert middle is not None
    assert 0.01 < middle <= 0.025
    assert quantile(found[1].latency, 0.5) is None


def test_it_tells_how_the_ledger_grows_and_what_does_not_go(site: Site, storage: Storage) -> None:
    with storage.writing() as connection:
        part, size = max(sizes.measure(connection).parts.items(), key=lambda one: one[1].bytes)
        sizes.keep(connection, {part: sizes.Size(size.bytes - 4096, None)}, now() - timedelta(hours=24))
        began_at = now() - timedelta(days=2)
        told = Round(began_at=began_at, turned_at=now(), went={"drains": 3}, waits={"texts": "<b>"})
        rounds.write(connection, told)
    page = site.get("/ledger")
    assert f"{part} " in page.words
    assert "KiB" in page.words
    assert "is not over: more falls due than goes" in page.words
    assert ": 3 drains went" in page.words
    assert "texts wait" in page.words
    assert "&lt;b&gt;" in page.text
    assert "last round goes on, since" in page.words
