"""The contenders: Flowledger, and the usual ways to record the same events, each on a database of its own."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from bench import workload
from bench.contender import PROCESSES, Contender
from bench.peers import models
from bench.prefect import Prefect
from bench.servers import Servers, migrate
from flowledger.cli import processes
from flowledger.client.publisher import Publisher
from flowledger.domain.settings import Settings


class Flowledger(Contender):
    name, title = "flowledger", "Flowledger"
    ours = f"source = '{workload.SOURCE}'"
    since_when = "recorded_at >= to_timestamp(:since)"
    # A batch is durable with its last commit, and all of its events were recorded at the same moment.
    committed_at = "max(pg_xact_commit_timestamp(xmin)) OVER (PARTITION BY recorded_at)"

    def __init__(self, servers: Servers) -> None:
        super().__init__(servers)
        self._settings = Settings.load(redis_url=servers.redis_url, database_url=servers.database_url)
        self._publisher = Publisher(settings=self._settings)

    def install(self) -> None:
        migrate(self.servers)

    def command(self) -> tuple[list[str], dict[str, str]]:
        return processes.worker_command(PROCESSES), processes.worker_environment(self._settings)

    def prepare(self, events: Sequence[bytes]) -> list[Any]:
        """Check events, and fix their ids and shards, as a producer does before the first try."""
        return [self._publisher.prepare(event) for event in events]

    def publish(self, events: list[Any]) -> None:
        self._publisher.publish_many(events)


class Peer(Contender):
    """One of `bench.peers`, on the tables that they share."""

    journal = "peer_events"
    module = ""

    def install(self) -> None:
        models.create_all(self._engine)

    def environment(self) -> dict[str, str]:
        return {"PEER_DATABASE_URL": self.servers.database_url, "PEER_REDIS_URL": self.servers.redis_url}

    def publish(self, events: list[Any]) -> None:
        os.environ.update(self.environment())  # which the module reads when it is imported
        importlib.import_module(self.module).publish(events)


class CeleryOrm(Peer):
    name, title = "celery_orm", "a Celery task per event, SQLAlchemy ORM, commit"
    module = "bench.peers.celery_orm"

    def command(self) -> tuple[list[str], dict[str, str]]:
        celery = [sys.executable, "-m", "celery", "-A", self.module]
        return [*celery, "worker", "-c", str(PROCESSES), "-l", "WARNING"], os.environ | self.environment()


class FastStream(Peer):
    name, title = "faststream", "FastStream on a Redis stream, SQLAlchemy async, asyncpg"
    module = "bench.peers.faststream_stream"

    def command(self) -> tuple[list[str], dict[str, str]]:
        faststream = [str(Path(sys.executable).parent / "faststream"), "run", f"{self.module}:app"]
        return [*faststream, "--workers", str(PROCESSES), "--log-level", "warning"], os.environ | self.environment()


CONTENDERS: Final[dict[str, type[Contender]]] = {
    kind.name: kind for kind in (Flowledger, CeleryOrm, FastStream, Prefect)
}


def installed(names: Sequence[str], servers: Servers) -> list[Contender]:
    """Return these contenders, each with its tables on a database of its own."""
    found = [CONTENDERS[name](servers.on_new_database(name)) for name in names]
    for contender in found:
        contender.install()
    return found
