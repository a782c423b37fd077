"""A ledger of its own: a database, which can be put back to an earlier state, a broker and `flowledger worker`."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

from pydantic import SecretStr
from sqlalchemy import Engine, select, text

from flowledger.cli import processes
from flowledger.cli.embedded import EmbeddedPostgres, EmbeddedValkey
from flowledger.cli.processes import Process
from flowledger.cli.schema import migrate
from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.storage import tables
from flowledger.storage.engines.engine import make_engine
from tests.faults.telling import client_of
from tests.faults.trial import Trial

_SECONDS = 40.0


class Ledger:
    """Servers of its own; in a `with`, all that was started is stopped at the end."""

    def __init__(self, trial: Trial, name: str, *, postgresql: bool = False) -> None:
        self.trial = trial
        self.folder = trial.world.folder / trial.name(name)
        self.accepted = self.folder / "accepted"
        self.accepted.mkdir(parents=True)
        self._broker = EmbeddedValkey(self.folder / "valkey")
        self._postgres = EmbeddedPostgres(self.folder / "postgresql") if postgresql else None
        self._file = self.folder / "ledger.db"
        self._numbers = iter(range(1_000))
        self._worker: Process | None = None
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.callback(self._broker.stop)
            self._broker.start()
            url = f"sqlite:///{self._file}"
            if self._postgres is not None:
                stack.callback(self._postgres.stop)
                self._postgres.start()
                url = self._postgres.url
            self.settings = self.trial.world.direct.model_copy(
                update={"database_url": SecretStr(url), "redis_url": SecretStr(self._broker.url)}
            )
            migrate(self.settings)
            self.engine: Engine = make_engine(self.settings)
            stack.callback(self.engine.dispose)
            self.redis: Any = client_of(self.settings)
            stack.callback(self.redis.close)
            stack.callback(self.stop_worker)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # --- the worker

    def start_worker(self) -> None:
        self._worker = start_worker(self.trial, self.settings, self.folder / f"worker-{next(self._numbers)}.log")

    def stop_worker(self) -> None:
        if self._worker is not None:
            self._worker.stop()

    def log(self) -> str:
        """What the worker that was started last has printed."""
        return "" if self._worker is None else self._worker.log.read_text(errors="replace")

    # --- the database

    def save(self) -> None:
        """A copy of the database, as a backup makes one."""
        if self._postgres is None:
            copy_sqlite(self._file, self.folder / "copy.db")
            return
        self.stop_worker()
        with self._stopped(self._postgres):
            _copy_folder(self._postgres.folder, self.folder / "copy")
        self.start_worker()

    def put_back(self) -> None:
        """The copy in place of what stands now."""
        if self._postgres is None:
            self.engine.dispose()
            for file in self.folder.glob("ledger.db*"):
                file.unlink()
            copy_sqlite(self.folder / "copy.db", self._file)
            return
        with self._stopped(self._postgres):
            shutil.rmtree(self._postgres.folder)
            _copy_folder(self.folder / "copy", self._postgres.folder)

    @contextlib.contextmanager
    def _stopped(self, server: EmbeddedPostgres) -> Iterator[None]:
        self.engine.dispose()
        server.stop()
        try:
            yield
        finally:
            server.start()

    # --- what stands

    def drain(self) -> None:
        """Nothing is left in the streams and in the outbox."""
        self.trial.wait(self._is_delivered, "an empty backlog and an empty outbox", _SECONDS)

    def _is_delivered(self) -> bool:
        with self.engine.connect() as connection:
            waiting = connection.execute(text("SELECT count(*) FROM outbox")).scalar_one()
        return not waiting and not backlog(self.redis, self.settings)

    def missing(self, ids: Iterable[str]) -> set[str]:
        """Those of these events that are not in the journal."""
        return set(ids) - recorded(self.engine)


def _copy_folder(folder: Path, copy: Path) -> None:
    """With owners: PostgreSQL insists on its own."""
    subprocess.run(["cp", "-a", str(folder), str(copy)], check=True)


def start_worker(trial: Trial, settings: Settings, log: Path) -> Process:
    """`flowledger worker`, as people start it."""
    command = [sys.executable, "-m", "flowledger.cli.main", "worker", "--concurrency", "2"]
    worker = Process(log.stem, command, processes.environment(settings), log)
    worker.start()
    trial.world.keep(worker)
    return worker


def recorded(engine: Engine) -> set[str]:
    """The ids in the journal."""
    with engine.connect() as connection:
        return set(connection.execute(select(tables.events.c.id)).scalars())


def backlog(redis: Any, settings: Settings) -> int:
    return sum(redis.xlen(streams.stream(shard)) for shard in range(settings.shards))


def copy_sqlite(file: Path, copy: Path) -> None:
    """A consistent copy of a database that may be in use."""
    with contextlib.closing(sqlite3.connect(file)) as source, contextlib.closing(sqlite3.connect(copy)) as target:
        source.backup(target)
