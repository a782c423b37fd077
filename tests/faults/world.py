"""The service as processes, on servers of its own: what a fault is done to."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

import psutil
import redis
from sqlalchemy.exc import SQLAlchemyError

from flowledger.cli import processes
from flowledger.cli.processes import Process
from tests.faults.servers import START_SECONDS, Plan, Servers
from tests.waiting import wait_until

_LOOK_SECONDS: Final = 0.5


class World(Servers):
    """Servers, workers and producers; in a `with`, all of them are stopped at the end."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        super().__init__(folder, plan)
        self.workers: list[Process] = []
        self._producers: list[Process] = []
        self._others: list[Process] = []
        self._numbers = iter(range(1_000_000))
        self._runs = 0
        self._starting = threading.Lock()

    def __enter__(self) -> Self:
        super().__enter__()
        self._stack.callback(self.kill_processes)
        return self

    # --- the workers

    def start_workers(self) -> None:
        """Starts as many as are planned, and waits until they consume."""
        while len(self.workers) < self.plan.workers:
            self.add_worker()
        with self.supervised():  # one that a fault has struck may need some seconds until it has ended
            wait_until(lambda: self.consuming() >= len(self.workers), START_SECONDS, "consuming workers")

    def consuming(self) -> int:
        """Celery workers that are ready: last of all they subscribe to commands."""
        clients: Any = self.redis.client_list()
        return sum(int(client["psub"]) > 0 for client in clients)

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

    def start_producer(self, accepted: Path, to: str | None = None, **options: float | int | Path) -> Process:
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

    # --- between two trials

    def is_well(self) -> bool:
        """Whether servers and workers run, and nothing is left to record."""
        try:
            self.recorded()
            return self.is_drained() and all(worker.is_running() for worker in self.workers)
        except (redis.RedisError, SQLAlchemyError):
            return False

    def end_producers(self) -> None:
        """Ends, at once, what a row has left behind that has failed: it must not publish into the next one."""
        self.kill_producers()
        self._kill_others()

    def empty(self) -> None:
        """Takes rows, counters and logs away."""
        super().empty()
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
        self._kill_others()

    def _kill_others(self) -> None:
        for process in self._others:
            process.kill()
        self._others.clear()
