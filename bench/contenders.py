"""The contenders: each publishes the same kind of events, and is done when all are in its journal table."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import psutil
import redis
from sqlalchemy import Engine, create_engine, make_url, text

from bench.peers import models
from flowledger import migrations
from flowledger.cli import processes
from flowledger.cli.embedded import embedded_postgres_server, embedded_valkey_server
from flowledger.cli.processes import Process
from flowledger.client.publisher import Publisher
from flowledger.domain.settings import Settings

PROCESSES: Final = 2
_START_SECONDS: Final = 60.0
_DONE_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class Servers:
    """The servers that all contenders use, one after the other."""

    database_url: str
    redis_url: str
    folder: Path
    pids: tuple[int, ...]

    def engine(self) -> Engine:
        return create_engine(make_url(self.database_url).set(drivername="postgresql+psycopg2"))


@contextmanager
def running_servers() -> Iterator[Servers]:
    """Yield a database with the schema, and a broker, which run during the `with`."""
    with (
        tempfile.TemporaryDirectory(prefix="flowledger-bench-") as folder,
        embedded_postgres_server(Path(folder) / "postgresql") as postgres,
        embedded_valkey_server(Path(folder) / "valkey") as valkey,
    ):
        servers = Servers(postgres.url, valkey.url, Path(folder), (postgres.pid, valkey.pid))
        engine = servers.engine()
        migrations.upgrade(engine)
        engine.dispose()
        yield servers


class Contender(AbstractContextManager["Contender"]):
    """One way to record events; its workers run during the `with`."""

    name = ""
    title = ""
    table = ""
    folder: Path = processes.ROOT
    """The folder in which its workers run."""

    def __init__(self, servers: Servers) -> None:
        self.servers = servers
        self._engine = servers.engine()
        self._process: Process | None = None
        self.lock = threading.Lock()
        """Guards `publish`, which two threads must not call at once for some contenders."""

    def command(self) -> tuple[list[str], dict[str, str]]:
        """Return the command of its workers, and their environment."""
        raise NotImplementedError

    def prepare(self, events: list[bytes]) -> list[Any]:
        """Do what a producer may do before it publishes; nothing by default."""
        return events

    def publish(self, events: list[Any]) -> None:
        """Publish as its users would."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        command, env = self.command()
        log = self.servers.folder / f"{self.name}.log"
        self._process = Process(self.name, command, env, log, folder=self.folder)
        self._process.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _tb: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.stop()
        self._engine.dispose()

    def recorded(self) -> int:
        with self._engine.connect() as connection:
            return int(connection.execute(text(f"SELECT count(*) FROM {self.table}")).scalar_one())

    def wait_for(self, count: int, seconds: float = _DONE_SECONDS) -> None:
        """Wait until `count` events are recorded, counting less often if many are missing. Raises TimeoutError."""
        began, first = time.monotonic(), self.recorded()
        while (now := self.recorded()) < count:
            elapsed = time.monotonic() - began
            if elapsed > seconds:
                words = self._process.last_words() if self._process else ""
                raise TimeoutError(f"{self.title}: {now} of {count} events recorded after {seconds:g} s\n{words}")
            rate = max(now - first, 1) / max(elapsed, 0.001)
            time.sleep(min(0.5, max(0.01, (count - now) / rate / 3)))

    def warm_up(self, events: list[bytes]) -> None:
        """Publish events, and wait until the workers have recorded them."""
        before = self.recorded()
        self.publish(events)
        self.wait_for(before + len(events), _START_SECONDS)

    def throughput(self, events: list[bytes]) -> tuple[float, float]:
        """Return events per second from the first publish to the last row, and CPU seconds per 1,000 events."""
        prepared = self.prepare(events)
        before, cpu, began = self.recorded(), self.cpu_seconds(), time.monotonic()
        self.publish(prepared)
        self.wait_for(before + len(events))
        seconds = time.monotonic() - began
        return len(events) / seconds, (self.cpu_seconds() - cpu) / len(events) * 1000

    def cpu_seconds(self) -> float:
        """Return the CPU time of this process (the producer), the workers and both servers, with ended children."""
        assert self._process is not None
        return sum(cpu_of_tree(pid) for pid in (os.getpid(), self._process.pid, *self.servers.pids))


class Flowledger(Contender):
    name, title, table = "flowledger", "Flowledger", "events"

    def __init__(self, servers: Servers) -> None:
        super().__init__(servers)
        self._settings = Settings.load(redis_url=servers.redis_url, database_url=servers.database_url)
        self._publisher = Publisher(settings=self._settings)

    def command(self) -> tuple[list[str], dict[str, str]]:
        return processes.worker_command(PROCESSES), processes.worker_environment(self._settings)

    def prepare(self, events: list[bytes]) -> list[Any]:
        """Check events, and fix their ids and shards, as a producer does before the first try."""
        return [self._publisher.prepare(event) for event in events]

    def publish(self, events: list[Any]) -> None:
        self._publisher.publish_many(events)


class CeleryOrm(Contender):
    name, title, table = "celery_orm", "a Celery task per event, SQLAlchemy ORM, commit", "peer_events"

    def command(self) -> tuple[list[str], dict[str, str]]:
        command = [
            sys.executable,
            "-m",
            "celery",
            "-A",
            "bench.peers.celery_orm",
            "worker",
            "-c",
            str(PROCESSES),
            "-l",
            "WARNING",
        ]
        return command, _peer_environment(self.servers)

    def publish(self, events: list[bytes]) -> None:
        _peer("celery_orm").publish(events)


class FastStream(Contender):
    name, title, table = "faststream", "FastStream on a Redis stream, SQLAlchemy async, asyncpg", "peer_events"

    def command(self) -> tuple[list[str], dict[str, str]]:
        faststream = str(Path(sys.executable).parent / "faststream")
        command = [
            faststream,
            "run",
            "bench.peers.faststream_stream:app",
            "--workers",
            str(PROCESSES),
            "--log-level",
            "warning",
        ]
        return command, _peer_environment(self.servers)

    def publish(self, events: list[bytes]) -> None:
        _peer("faststream_stream").publish(events)


CONTENDERS: Final[tuple[type[Contender], ...]] = (Flowledger, CeleryOrm, FastStream)


def empty(servers: Servers) -> None:
    """Remove the data of the contender before, so that each begins with the same state."""
    engine = servers.engine()
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE events, tasks, executions, task_logs, execution_logs, messages CASCADE"))
    models.drop_all(engine)
    models.create_all(engine)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text("CHECKPOINT"))
    engine.dispose()
    redis.Redis.from_url(servers.redis_url).flushdb()


def median(values: list[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def percentile(values: list[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def _peer(name: str) -> Any:
    """Import a peer's module; it reads its environment at import, which must be set before."""
    return importlib.import_module(f"bench.peers.{name}")


def _peer_environment(servers: Servers) -> dict[str, str]:
    environment = {"PEER_DATABASE_URL": servers.database_url, "PEER_REDIS_URL": servers.redis_url}
    os.environ.update(environment)  # the peers' publish() reads it too
    return os.environ | environment


def cpu_of_tree(pid: int) -> float:
    """Return the CPU seconds of a process, of those it has started and of those that have ended and it waited for."""
    total = 0.0
    try:
        process = psutil.Process(pid)
        times = process.cpu_times()
        total = float(times.user + times.system + times.children_user + times.children_system)
        descendants = process.children(recursive=True) if pid != os.getpid() else []
    except psutil.NoSuchProcess:
        return total
    for child in descendants:
        try:
            times = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += float(times.user + times.system)
    return total
