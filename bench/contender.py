"""What a contender is: workers that record events in a database, and a producer that publishes to them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Final, Self

import redis
from sqlalchemy import text

from bench.servers import Servers, run
from bench.usage import Turn, Usage
from bench.workload import id_of
from flowledger.cli import processes
from flowledger.cli.processes import Process

PROCESSES: Final = 2
"""Worker processes of each contender."""
_START_SECONDS: Final = 120.0
_DONE_SECONDS: Final = 300.0
_KEPT: Final = ("alembic_version", "ledger")


class Contender(AbstractContextManager["Contender"]):
    """One way to record events; its workers run during the `with`, again at each."""

    name: ClassVar[str] = ""
    title: str = ""
    journal: ClassVar[str] = "events"
    """The table with one row for each event."""
    ours: ClassVar[str] = "true"
    """The condition for rows of the benchmark's own events."""
    since_when: ClassVar[str] = "true"
    """The condition for rows that were recorded since `:since`, in seconds since 1970; all, if its tables are small."""
    committed_at: ClassVar[str] = "pg_xact_commit_timestamp(xmin)"
    """When the transaction of a row was committed, in SQL."""
    folder: Path = processes.ROOT
    """The folder in which its workers run."""

    def __init__(self, servers: Servers) -> None:
        self.servers = servers
        self._engine = servers.engine()
        self._process: Process | None = None

    def elsewhere(self, servers: Servers) -> Contender:
        """Return the same contender on another database."""
        return type(self)(servers)

    def install(self) -> None:
        """Make its tables; called once."""

    def command(self) -> tuple[list[str], dict[str, str]]:
        """Return the command of its workers, and their environment."""
        raise NotImplementedError

    def prepare(self, events: Sequence[bytes]) -> list[Any]:
        """Do what a producer may do before it publishes; nothing by default."""
        return list(events)

    def publish(self, events: list[Any]) -> None:
        """Publish what `prepare` returned, as its users would."""
        raise NotImplementedError

    def key(self, event: bytes) -> str:
        """Return the event's id in the journal."""
        return id_of(event)

    def __enter__(self) -> Self:
        command, environment = self.command()
        log = self.servers.folder / f"{self.name}.log"
        self._process = Process(self.name, command, environment, log, folder=self.folder)
        self._process.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _tb: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.stop()
        self._engine.dispose()

    def begin_anew(self) -> None:
        """Empty its tables and Redis, so that each turn begins with the same state."""
        listed = (
            "SELECT format('%I', relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace "
            "AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> ALL (:kept)"
        )
        with self._engine.connect() as connection:
            tables = connection.execute(text(listed), {"kept": list(_KEPT)}).scalars().all()
        run(self._engine, f"TRUNCATE {', '.join(tables)} CASCADE", "VACUUM ANALYZE")
        self.forget_broker()

    def forget_broker(self) -> None:
        """Empty Redis, and let PostgreSQL write what it has in memory."""
        run(self._engine, "CHECKPOINT")
        redis.Redis.from_url(self.servers.redis_url).flushdb()

    def recorded(self, since: float = 0.0) -> int:
        """Count the events in the journal since a moment, or all, as `since_when` says.

        To count ten million again and again costs more than to record.
        """
        statement = text(f"SELECT count(*) FROM {self.journal} WHERE {self.ours} AND {self.since_when}")
        given = {"since": since} if ":since" in self.since_when else {}
        with self._engine.connect() as connection:
            return int(connection.execute(statement, given).scalar_one())

    def committed(self, events: Sequence[bytes]) -> list[float]:
        """Return for each event the time, in seconds since 1970, at which its transaction was committed."""
        statement = text(
            f"SELECT id::text, extract(epoch FROM {self.committed_at})::float8 FROM {self.journal} "
            f"WHERE {self.ours} AND id::text = ANY (:keys)"
        )
        keys = [self.key(event) for event in events]
        with self._engine.connect() as connection:
            times = {row[0]: float(row[1]) for row in connection.execute(statement, {"keys": keys})}
        return [times[key] for key in keys]

    def wait_for(self, count: int, seconds: float = _DONE_SECONDS, *, since: float = 0.0) -> None:
        """Wait until `recorded(since)` is `count`, counting less often if many are missing. Raises TimeoutError."""
        began, first = time.monotonic(), self.recorded(since)
        while (now := self.recorded(since)) < count:
            elapsed = time.monotonic() - began
            if elapsed > seconds:
                words = self._process.last_words() if self._process else ""
                raise TimeoutError(f"{self.title}: {now} of {count} events recorded after {seconds:g} s\n{words}")
            rate = max(now - first, 1) / max(elapsed, 0.001)
            time.sleep(min(0.5, max(0.01, (count - now) / rate / 3)))

    def warm_up(self, events: Sequence[bytes]) -> None:
        """Publish events, and wait until the workers have recorded them."""
        since = time.time()
        before = self.recorded(since)
        self.publish(self.prepare(events))
        self.wait_for(before + len(events), _START_SECONDS, since=since)

    def throughput(self, events: Sequence[bytes]) -> Turn:
        """Measure from the first publish to the last row. Events are prepared before the clock starts."""
        prepared = self.prepare(events)
        since = time.time()
        count, before, began = self.recorded(since), self._usage(), time.monotonic()
        self.publish(prepared)
        self.wait_for(count + len(events), since=since)
        seconds = time.monotonic() - began
        return Turn.of(len(events), seconds, self._usage().since(before))

    def _usage(self) -> Usage:
        assert self._process is not None
        return Usage.now(self._engine, self.servers, self._process.pid)
