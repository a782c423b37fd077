"""The service as processes, on servers of its own: what a fault is done to."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

import psutil
import redis
from pydantic import SecretStr
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from cli import processes
from cli.embedded import EmbeddedPostgres, EmbeddedServerError, EmbeddedValkey
from cli.processes import Process
from cli.service import migrate
from domain import streams
from domain.settings import Settings
from storage import tables
from storage.engine import make_engine
from tests.faults.disks import small_disk
from tests.proxy import Proxy
from tests.waiting import wait_until

START_SECONDS: Final = 60.0
_DISK_MEGABYTES: Final = 800
_LOOK_SECONDS: Final = 0.5


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


class World:
    """Servers, workers and producers; in a `with`, all of them are stopped at the end, whatever happened to them."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder = folder
        self.plan = plan
        self.postgres = EmbeddedPostgres(folder / "postgresql" / "data")
        self.broker = EmbeddedValkey(folder / "valkey" / "data")
        self.workers: list[Process] = []
        self._producers: list[Process] = []
        self._others: list[Process] = []
        self._stack = contextlib.ExitStack()
        self._numbers = iter(range(1_000_000))
        self._runs = 0
        self._starting = threading.Lock()

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
        self._stack.callback(self.kill_processes)
        self._stack.callback(self.broker.stop)
        self.broker.start()
        self._stack.callback(self.postgres.stop)
        self.postgres.start()
        self._stack.callback(self._continue_all)
        self.settings = self.direct = Settings.load(
            redis_url=SecretStr(self.broker.url),
            database_url=SecretStr(self.postgres.url),
            home=self.folder / "home",
            lease_seconds=self.plan.lease_seconds,
        )
        self.engine: Engine = make_engine(self.direct)
        self._stack.callback(self.engine.dispose)
        self.redis = redis.Redis.from_url(self.broker.url, socket_timeout=30, protocol=2)
        self._stack.callback(self.redis.close)
        if not self.plan.durable:
            self.configure(fsync="off")
        migrate(self.direct)
        if self.plan.proxied:
            self._start_proxies()

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

    # --- the servers

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

    # --- the workers

    def start_workers(self) -> None:
        """Starts as many as are planned, and waits until they consume."""
        for worker in self.workers:
            self.start_again(worker)
        while len(self.workers) < self.plan.workers:
            self.add_worker()
        self.wait_for_workers()
        wait_until(lambda: self.consuming() >= len(self.workers), START_SECONDS, "consuming workers")

    def consuming(self) -> int:
        """Celery workers that are ready: before, they subscribe, once for gossip and last of all for control."""
        clients: Any = self.redis.client_list()
        return sum(int(client["psub"]) > 0 for client in clients) // 2

    def add_worker(self, command: Sequence[str] | None = None, **environment: str) -> Process:
        """Starts one more worker; `command` in place of the usual one."""
        number = next(self._numbers)
        worker = Process(
            f"worker {number}",
            list(command or processes.worker_command(self.plan.processes)),
            processes.worker_environment(self.settings) | environment,
            self.folder / "logs" / f"worker-{number}.log",
        )
        worker.start()
        self.workers.append(worker)
        return worker

    def add_altered_worker(self, *alteration: str) -> Process:
        """A worker that `tests.faults.altered_worker` alters so."""
        celery = processes.worker_command(self.plan.processes)
        arguments = celery[celery.index("celery") + 1 :]
        return self.add_worker([sys.executable, "-m", "tests.faults.altered_worker", *alteration, *arguments])

    def kill_workers(self) -> None:
        """Ends all of them, at once."""
        for worker in self.workers:
            worker.kill()
        self.workers.clear()

    def start_again(self, worker: Process) -> bool:
        """Starts a worker that has ended; False where it runs, for somebody else may have been faster."""
        with self._starting:
            if worker.is_running():
                return False
            worker.start()
            return True

    @contextlib.contextmanager
    def supervised(self) -> Iterator[list[str]]:
        """Workers that end are started again, as every supervisor does; gives what they said last."""
        last_lines: list[str] = []
        ending = threading.Event()

        def supervise() -> None:
            while not ending.wait(_LOOK_SECONDS):
                for worker in [worker for worker in self.workers if not worker.is_running()]:
                    if self.start_again(worker):
                        last_lines.append(worker.log.read_text(errors="replace").strip()[-200:])

        supervisor = threading.Thread(target=supervise, name="supervisor", daemon=True)
        supervisor.start()
        try:
            yield last_lines
        finally:
            ending.set()
            supervisor.join()

    def wait_for_workers(self) -> None:
        """Until every worker has its pool: a killed one is of use as a victim only when it lived."""
        for worker in self.workers:
            wait_until(partial(self._has_begun, worker), START_SECONDS, f"the pool of {worker.name}")

    def _has_begun(self, worker: Process) -> bool:
        return bool(self.children(worker)) or not worker.is_running()

    def children(self, worker: Process) -> list[int]:
        """The pool processes of a worker."""
        try:
            return [child.pid for child in psutil.Process(worker.pid).children()]
        except psutil.NoSuchProcess:
            return []

    def pids(self) -> list[int]:
        """The processes that run the workers now."""
        return [worker.pid for worker in self.workers if worker.is_running()]

    def worker_logs(self) -> str:
        """All that workers have printed."""
        return "".join(path.read_text(errors="replace") for path in sorted((self.folder / "logs").glob("worker-*.log")))

    # --- the producers

    def new_run(self) -> Path:
        """A new folder for what is accepted from now on."""
        self._runs += 1
        folder = self.folder / "accepted" / str(self._runs)
        folder.mkdir(parents=True)
        return folder

    def start_producer(self, accepted: Path, to: str | None = None, **options: float | int) -> Process:
        """A producer of events of its own, to the world's broker or another one; `options`: `tests.faults.producer`."""
        number = next(self._numbers)
        arguments = [part for option, value in options.items() for part in (f"--{option}", str(value))]
        command = [sys.executable, "-m", "tests.faults.producer", "--name", f"p{number}"]
        command += ["--log", str(accepted / f"p{number}.log"), *arguments]
        log = self.folder / "logs" / f"producer-{number}.log"
        environment = processes.environment(self.settings) | ({} if to is None else {"REDIS_URL": to})
        producer = Process(f"producer {number}", command, environment, log)
        producer.start()
        self._producers.append(producer)
        return producer

    def keep(self, process: Process) -> None:
        """Another process that is to be ended with the world."""
        self._others.append(process)

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

    # --- between two trials

    def is_well(self) -> bool:
        """Whether servers and workers run, and nothing is left to record."""
        try:
            self.recorded()
            return self.is_drained() and all(worker.is_running() for worker in self.workers)
        except (redis.RedisError, SQLAlchemyError):
            return False

    def empty(self) -> None:
        """Takes rows, counters and logs away: the next trial is judged by its own."""
        names = ", ".join(table.name for table in tables.metadata.sorted_tables)
        with self.engine.begin() as connection:
            connection.execute(text(f"TRUNCATE {names}"))
        self.redis.delete(streams.COUNTERS)
        for log in (self.folder / "logs").glob("worker-*.log"):
            os.truncate(log, 0)

    def stop_producers(self) -> None:
        """Asks all to stop; one that waits for the broker in vain is killed."""
        for producer in self._producers:
            producer.terminate()
        for producer in self._producers:
            producer.wait()
        self._producers.clear()

    def kill_producers(self) -> None:
        for producer in self._producers:
            producer.kill()
        self._producers.clear()

    def kill_processes(self) -> None:
        """Ends workers and producers, at once."""
        self.kill_producers()
        self.kill_workers()
        for process in self._others:
            process.kill()
        self._others.clear()

    def _continue_all(self) -> None:
        """A server that was stopped by a signal could not be asked to end."""
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            self.signal_postgres(signal.SIGCONT)
        with contextlib.suppress(ProcessLookupError, AssertionError):
            self.signal_broker(signal.SIGCONT)


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
