"""Redis and what replays over it; real workers: Celery processes of their own, stopped at the end whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis

from flowledger.cli import processes
from flowledger.cli.processes import Process
from flowledger.domain.settings import Settings
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.connections import connect
from flowledger.workers.replay import Replayer
from tests.workers.office import Office

StartWorker = Callable[[], Process]


@pytest.fixture
def client(settings: Settings) -> Iterator[redis.Redis]:
    """Redis, as workers use it."""
    with closing(connect(settings)) as connected:
        yield connected


@pytest.fixture
def replayer(settings: Settings, storage: Storage, client: redis.Redis) -> Replayer:
    return Replayer(settings, storage, client)


@pytest.fixture
def office(settings: Settings, client: redis.Redis, storage: Storage) -> Office:
    return Office(settings, client, storage)


@pytest.fixture
def start_worker(settings: Settings, tmp_path: Path) -> Iterator[StartWorker]:
    """Starts a worker with two processes, and short leases: a test need not wait long for those of a killed one."""
    started: list[Process] = []
    quick = settings.model_copy(update={"lease_seconds": 1.0})

    def start() -> Process:
        log = tmp_path / f"worker-{len(started)}.log"
        environment = processes.worker_environment(quick) | {"LEDGER_LEASE_SECONDS": "1", "LEDGER_HOME": str(tmp_path)}
        worker = Process("worker", processes.worker_command(2), environment, log)
        worker.start()
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.kill()
