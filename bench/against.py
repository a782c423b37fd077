"""`python -m bench --against COMMIT`: compares this checkout's worker with another commit's, in alternating rounds.

The other commit has a worktree and an environment of its own. Both run on the same servers, each on its own database,
with `flowledger migrate` and `flowledger worker`. Entries are added as from a shell, so that no module of the other
commit is imported.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, Final

import redis
from rich.console import Console
from rich.table import Table
from sqlalchemy import make_url, text

from bench import workload
from bench.contenders import PROCESSES, Contender, Servers, running_servers
from bench.latency import Load, probe
from flowledger.domain import streams

ROOT: Final = Path(__file__).parents[1]
_SHARDS: Final = 8
_BATCH: Final = 500
_LOAD_SECONDS_A_PROBE: Final = 0.2
console: Final = Console(highlight=False)


class Checkout(Contender):
    """The worker of one checkout."""

    table = "events"

    def __init__(self, servers: Servers, name: str, folder: Path) -> None:
        self.name = self.title = name
        self.folder = folder
        self._flowledger = str(folder / ".venv" / "bin" / "flowledger")
        super().__init__(servers)
        self._redis = redis.Redis.from_url(servers.redis_url)

    def command(self) -> tuple[list[str], dict[str, str]]:
        return [self._flowledger, "worker", "--concurrency", str(PROCESSES)], self.environment()

    def environment(self) -> dict[str, str]:
        return os.environ | {"DATABASE_URL": self.servers.database_url, "REDIS_URL": self.servers.redis_url}

    def migrate(self) -> None:
        subprocess.run(
            [self._flowledger, "migrate"],
            cwd=self.folder, env=self.environment(), check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def prepare(self, events: list[bytes]) -> list[Any]:
        """Return each event with the name of its stream."""
        return [(streams.stream(streams.shard_of(workload.subject_of(event), _SHARDS)), event) for event in events]

    def publish(self, events: list[Any]) -> None:
        if events and isinstance(events[0], bytes):
            events = self.prepare(events)
        for first in range(0, len(events), _BATCH):
            with self._redis.pipeline(transaction=False) as pipeline:
                for stream, event in events[first : first + _BATCH]:
                    pipeline.xadd(stream, {streams.FIELD: event})
                pipeline.execute()

    def begin_anew(self) -> None:
        """Empty the journal, the tables and Redis; the ledger keeps its id."""
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("TRUNCATE events, tasks, task_logs, executions, execution_logs, messages CASCADE"))
            connection.execute(text("VACUUM ANALYZE"))
            connection.execute(text("CHECKPOINT"))
        self._redis.flushdb()

    def bytes_of(self, table: str) -> int:
        """Return the bytes of a table with its indexes, after a vacuum."""
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"VACUUM {table}"))
            return int(connection.execute(text("SELECT pg_total_relation_size(:table)"), {"table": table}).scalar_one())


def compare(commit: str, rounds: int, probes: int, events: int) -> dict[str, Any]:
    """Return every figure of both, as a list of one value per round. Print the table of medians and ratios."""
    with _checked_out(commit) as other, running_servers() as servers:
        both = [
            Checkout(_on_database(servers, "here"), "here", ROOT),
            Checkout(_on_database(servers, "there"), commit, other),
        ]
        for checkout in both:
            checkout.migrate()
        found: dict[str, dict[str, list[float]]] = {checkout.name: {} for checkout in both}
        for turn in range(rounds):
            for checkout in both if turn % 2 else both[::-1]:
                console.print(f"[dim]round {turn + 1} of {rounds}: {checkout.name}[/dim]")
                for figure, value in _round(checkout, f"r{turn}", probes, events).items():
                    found[checkout.name].setdefault(figure, []).append(value)
                    console.print(f"  {figure}: {value:,.1f}")
    _print(found, commit)
    return found


def _round(checkout: Checkout, name: str, probes: int, events: int) -> dict[str, float]:
    """Measure one turn of one checkout: rates, latencies, sizes."""
    figures: dict[str, float] = {}
    checkout.begin_anew()
    with checkout:
        checkout.warm_up(workload.events(f"{name}w", 500))
        rate, cpu = checkout.throughput(workload.events(f"{name}t", events))
        figures["uniform events/s"], figures["CPU ms an event"] = rate, cpu
        recorded = checkout.recorded()
        figures["bytes a row of tasks"] = checkout.bytes_of("tasks") / (recorded / workload.EVENTS_PER_TASK)
        tables = ("events", "tasks", "task_logs")
        figures["bytes an event, all tables"] = sum(map(checkout.bytes_of, tables)) / recorded
        checkout.warm_up(workload.varied(f"{name}x", workload.VARIED_FIRST))
        figures["varied events/s"], _ = checkout.throughput(workload.varied(f"{name}v", workload.VARIED_EVENTS))
        idle = probe(checkout, f"{name}i", probes)
        figures["idle p50 ms"], figures["idle p99 ms"] = idle["p50"], idle["p99"]
        with Load(checkout, f"{name}l", rate / 2, probes * _LOAD_SECONDS_A_PROBE):
            half = probe(checkout, f"{name}h", probes)
        figures["half load p50 ms"], figures["half load p99 ms"] = half["p50"], half["p99"]
    return figures


@contextlib.contextmanager
def _checked_out(commit: str) -> Iterator[Path]:
    """Yield the folder of a worktree of the commit, installed."""
    git = shutil.which("git") or sys.exit("--against needs git")
    with tempfile.TemporaryDirectory(prefix="flowledger-against-") as parent:
        folder = Path(parent) / "checkout"
        _run([git, "worktree", "add", "--quiet", "--detach", str(folder), commit], ROOT)
        try:
            console.print(f"[dim]installing {commit}[/dim]")
            _run(["make", "install", f"PYTHON={sys.executable}"], folder)
            yield folder
        finally:
            _run([git, "worktree", "remove", "--force", str(folder)], ROOT)


def _run(command: list[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def _on_database(servers: Servers, name: str) -> Servers:
    """Return the same servers with a new database of this name."""
    engine = servers.engine()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
    engine.dispose()
    url = make_url(servers.database_url).set(database=name).render_as_string(hide_password=False)
    return replace(servers, database_url=url)


def _print(found: dict[str, dict[str, list[float]]], commit: str) -> None:
    here, there = found["here"], found[commit]
    table = Table(title=f"This checkout beside {commit}: medians (least to greatest)", title_justify="left")
    for heading in ("", "here", commit[:12], "here / there"):
        table.add_column(heading, justify="left" if not heading else "right")
    for figure, values in here.items():
        others = there[figure]
        table.add_row(figure, _spread(values), _spread(others), f"{median(values) / median(others):.2f}")
    console.print(table)


def _spread(values: list[float]) -> str:
    show: Callable[[float], str] = "{:,.0f}".format if median(values) >= 100 else "{:,.2f}".format
    return f"{show(median(values))} ({show(min(values))} to {show(max(values))})"
