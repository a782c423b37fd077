"""The servers of a world: PostgreSQL and Valkey of its own, proxies before them, and what stands in them."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import psutil
import redis
from pydantic import SecretStr
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import OperationalError

from flowledger.cli.embedded import EmbeddedPostgres, EmbeddedServerError, EmbeddedValkey
from flowledger.cli.schema import migrate
from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.storage import tables
from flowledger.storage.engines.engine import make_engine
from tests.faults import bygone
from tests.faults.disks import small_disk
from tests.proxy import Proxy
from tests.waiting import wait_until

START_SECONDS: Final = 60.0
_DISK_MEGABYTES: Final = 800


@dataclass(frozen=True)
class Plan:
    """How big a world is, and how it is set."""

    workers: int = 2
    processes: int = 2
    """Pool processes of each worker."""
    lease_seconds: float = 1.0
    """Shorter than the default of 5 s: a killed drain's shard waits so long, and a run is to see many kills."""
    durable: bool = True
    """Whether PostgreSQL waits for its disk; without, the samples are quick."""
    proxied: bool = False
    """Whether workers and producers reach the servers through proxies."""
    small_disks: bool = False
    """Whether each server has a small disk of its own, which can be filled; root alone can make such."""
    sqlite: bool = False
    """Whether the database is a SQLite file in place of PostgreSQL; no fault can be done to that."""


class Servers:
    """Both servers; in a `with`, they are stopped at the end, whatever happened to them."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder = folder
        self.plan = plan
        self.postgres = EmbeddedPostgres(folder / "postgresql" / "data")
        self.broker = EmbeddedValkey(folder / "valkey" / "data")
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        try:
            self._start_servers()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start_servers(self) -> None:
        if self.plan.small_disks:
            for server in (self.postgres, self.broker):
                self._stack.enter_context(small_disk(server.folder.parent, _DISK_MEGABYTES))
        self._stack.callback(self.broker.stop)
        self.broker.start()
        database_url = f"sqlite:///{self.folder / 'ledger.db'}" if self.plan.sqlite else self._start_postgres()
        self.settings = self.direct = Settings.load(
            redis_url=SecretStr(self.broker.url),
            database_url=SecretStr(database_url),
            home=self.folder / "home",
            lease_seconds=self.plan.lease_seconds,
            **bygone.SETTINGS,
        )
        self.engine: Engine = make_engine(self.direct)
        self._stack.callback(self.engine.dispose)
        self.redis = redis.Redis.from_url(self.broker.url, socket_timeout=30, protocol=2)
        self._stack.callback(self.redis.close)
        if not (self.plan.durable or self.plan.sqlite):
            self.configure(fsync="off")
        migrate(self.direct)
        if self.plan.proxied:
            self._start_proxies()

    def _start_postgres(self) -> str:
        self._stack.callback(self.postgres.stop)
        self.postgres.start()
        self._stack.callback(self._continue_all)
        return self.postgres.url

    def _start_proxies(self) -> None:
        self.broker_proxy = self._stack.enter_context(Proxy(("127.0.0.1", self.broker.port)))
        self.postgres_proxy = self._stack.enter_context(Proxy(self._postgres_socket()))
        database_url = f"postgresql://postgres@127.0.0.1:{self.postgres_proxy.port}/postgres"
        self.settings = self.direct.model_copy(
            update={"redis_url": SecretStr(self.broker_proxy.url), "database_url": SecretStr(database_url)}
        )

    def _postgres_socket(self) -> str:
        host = make_url(self.postgres.url).query["host"]
        assert isinstance(host, str)
        return f"{host}/.s.PGSQL.5432"

    def configure(self, **parameters: str) -> None:
        """Sets parameters of PostgreSQL that take effect at once."""
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for name, value in parameters.items():
                connection.execute(text(f"ALTER SYSTEM SET {name} TO '{value}'"))
            connection.execute(text("SELECT pg_reload_conf()"))

    def kill_postgres(self) -> None:
        """kill -9 of the postmaster; its children end by themselves."""
        self.postgres.kill()

    def start_postgres(self) -> None:
        """Starts PostgreSQL again, as often as it takes until the remains of the last one are gone."""
        url = self.postgres.url
        wait_until(self._postgres_starts, START_SECONDS, "a running PostgreSQL")
        assert self.postgres.url == url, "PostgreSQL came back in another place"

    def _postgres_starts(self) -> bool:
        try:
            self.postgres.start()
        except EmbeddedServerError:
            return False
        return True

    def restart_servers(self) -> None:
        """kill -9 of both servers, which are started again."""
        self.kill_postgres()
        self.broker.kill()
        self.broker.start()
        self.start_postgres()

    def signal_postgres(self, number: signal.Signals) -> None:
        """Signals the postmaster and all its children."""
        signal_tree(self.postgres.pid, number)

    def signal_broker(self, number: signal.Signals) -> None:
        os.kill(self.broker.pid, number)

    def _continue_all(self) -> None:
        """A server that was stopped by a signal could not be asked to end."""
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            self.signal_postgres(signal.SIGCONT)
        with contextlib.suppress(ProcessLookupError, AssertionError):
            self.signal_broker(signal.SIGCONT)

    # --- what stands

    def backlog(self) -> int:
        """Entries that wait to be recorded."""
        with self.redis.pipeline(transaction=False) as pipeline:
            for shard in range(self.settings.shards):
                pipeline.xlen(streams.stream(shard))
            return sum(pipeline.execute())

    def is_drained(self) -> bool:
        """What stands in a stream is what is left to do; what is recorded, or dead, is deleted from it."""
        return not self.backlog()

    def is_delivered(self) -> bool:
        """What is recorded is in the inboxes, too, and that is recorded."""
        with self.engine.connect() as connection:
            waiting = connection.execute(text("SELECT count(*) FROM outbox")).scalar_one()
        return not waiting and self.is_drained()

    def newest(self) -> list[tuple[int, int]]:
        """The last entry of each shard."""
        return [self._id_of(shard, newest=True) or (0, 0) for shard in range(self.settings.shards)]

    def oldest(self) -> list[tuple[int, int] | None]:
        """The first entry of each shard; None where it is empty."""
        return [self._id_of(shard, newest=False) for shard in range(self.settings.shards)]

    def _id_of(self, shard: int, *, newest: bool) -> tuple[int, int] | None:
        stream = streams.stream(shard)
        found: Any = self.redis.xrevrange(stream, count=1) if newest else self.redis.xrange(stream, count=1)
        if not found:
            return None
        milliseconds, _, number = found[0][0].decode().partition("-")
        return int(milliseconds), int(number)

    def recorded(self) -> int:
        """Rows of the journal."""
        with self.engine.connect() as connection:
            return int(connection.execute(text("SELECT count(*) FROM events")).scalar_one())

    def counters(self) -> Mapping[str, int]:
        found: Any = self.redis.hgetall(streams.COUNTERS)
        return {name.decode(): int(value) for name, value in found.items()}

    def _truncates(self) -> bool:
        """Empties all tables, unless a round of retention reads them in another order at the moment."""
        names = ", ".join(table.name for table in tables.metadata.sorted_tables if table is not tables.ledger)
        try:
            with self.engine.begin() as connection:
                connection.execute(text(f"TRUNCATE {names}"))
        except OperationalError:
            return False
        return True

    def empty(self) -> None:
        """Takes rows and counters away: the next trial is judged by its own.

        The ledger and its broker stay what they are to each other; of its batches neither knows any more: Redis first,
        for a database that knows of fewer has gone back.
        """
        self.redis.delete(streams.COUNTERS, streams.RECORDED, streams.EXPIRIES)
        wait_until(self._truncates, START_SECONDS, "empty tables")
        for key in self.redis.scan_iter("ledger:[ipt]*:*"):
            if key.startswith((b"ledger:inbox:", b"ledger:posted:", b"ledger:taken:")):
                self.redis.delete(key)


def signal_tree(pid: int, number: signal.Signals) -> None:
    """Signals a process and all that descend from it; those that have ended are left out."""
    for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process and its descendants, held by SIGSTOP."""
    signal_tree(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            signal_tree(pid, signal.SIGCONT)
