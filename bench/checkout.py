"""A commit of Flowledger as a contender: a worktree and an environment of its own.

Its tables and its workers are made by its own `flowledger` command. Entries are added as from a shell, so that no
module of the other commit is imported.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import redis

from bench import workload
from bench.contender import PROCESSES, Contender
from bench.contenders import Flowledger
from bench.servers import Servers
from flowledger.domain import streams

ROOT: Final = Path(__file__).parents[1]
_SHARDS: Final = 8
_AT_ONCE: Final = 500


class Checkout(Flowledger):
    """The worker of one checkout."""

    def __init__(self, servers: Servers, title: str, folder: Path) -> None:
        super().__init__(servers)
        self.title = title
        self.folder = folder
        self._flowledger = str(folder / ".venv" / "bin" / "flowledger")
        self._redis = redis.Redis.from_url(servers.redis_url)

    def elsewhere(self, servers: Servers) -> Checkout:
        return Checkout(servers, self.title, self.folder)

    def install(self) -> None:
        _run([self._flowledger, "migrate"], self.folder, self._environment())

    def command(self) -> tuple[list[str], dict[str, str]]:
        return [self._flowledger, "worker", "--concurrency", str(PROCESSES)], self._environment()

    def prepare(self, events: Sequence[bytes]) -> list[Any]:
        """Return each event with the name of its stream."""
        return [(streams.stream(streams.shard_of(workload.subject_of(event), _SHARDS)), event) for event in events]

    def publish(self, events: list[Any]) -> None:
        for first in range(0, len(events), _AT_ONCE):
            with self._redis.pipeline(transaction=False) as pipeline:
                for stream, event in events[first : first + _AT_ONCE]:
                    pipeline.xadd(stream, {streams.FIELD: event})
                pipeline.execute()

    def _environment(self) -> dict[str, str]:
        return os.environ | {"DATABASE_URL": self.servers.database_url, "REDIS_URL": self.servers.redis_url}


@contextlib.contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """Yield the folder of a worktree of the commit, installed."""
    git = shutil.which("git") or sys.exit("--against needs git")
    with tempfile.TemporaryDirectory(prefix="flowledger-against-") as parent:
        folder = Path(parent) / "checkout"
        _run([git, "worktree", "add", "--quiet", "--detach", str(folder), commit], ROOT)
        try:
            _run(["make", "install", f"PYTHON={sys.executable}"], folder)
            yield folder
        finally:
            _run([git, "worktree", "remove", "--force", str(folder)], ROOT)


def _run(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> None:
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)


def both(servers: Servers, commit: str, folder: Path) -> list[Contender]:
    """Return this checkout and the other commit's, each with its tables on a database of its own."""
    found = [
        Checkout(servers.on_new_database("here"), "here", ROOT),
        Checkout(servers.on_new_database("there"), commit, folder),
    ]
    for checkout in found:
        checkout.install()
    return [*found]
