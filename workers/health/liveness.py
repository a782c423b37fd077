"""Signs of life in files: whether the workers of this host, or of this container, turn, whatever the servers do.

A worker writes the time of its last sign to `LEDGER_HOME/alive/{host}-{pid}`, by the clock that never jumps. Whoever
asks needs no server. A file of a process that has ended says nothing, and the next worker removes it; so the file says
as well when its process began, for another one may have its number by now.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from flowledger.workers.health.birth import born_at

FOLDER: Final = "alive"
HUNG_SECONDS: Final = 30.0
"""A process that lives and gave no sign for this long hangs; it gives one every two seconds."""


@dataclass(frozen=True, slots=True)
class Sign:
    """A worker process of this host that lives, and the seconds since its last sign of life."""

    name: str
    pid: int
    seconds: float

    @property
    def hangs(self) -> bool:
        """Whether its last sign is too old."""
        return not 0 <= self.seconds < HUNG_SECONDS


class SignFile:
    """The file of this process. Its methods raise OSError."""

    def __init__(self, home: Path, name: str) -> None:
        self._name = name
        self._born = born_at(os.getpid())
        self._file = home / FOLDER / f"{socket.gethostname()}-{os.getpid()}"

    def open(self) -> None:
        """Make the folder, and remove the files of processes that have ended."""
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in _files(self._file.parents[1]):
            if _read(file) is None:
                file.unlink(missing_ok=True)

    def give(self) -> None:
        """Give a sign of life; a reader sees the old one or the new one."""
        new = self._file.with_name(f"{self._file.name}.new")  # a host's name may have dots
        new.write_text(json.dumps({"name": self._name, "at": time.monotonic(), "born": self._born}))
        new.replace(self._file)

    def close(self) -> None:
        """Remove the file: this worker has ended on purpose."""
        self._file.unlink(missing_ok=True)


def signs(home: Path) -> list[Sign]:
    """Return the signs of the workers of this host whose processes live."""
    now = time.monotonic()
    found = ((_pid_of(file), _read(file)) for file in _files(home))
    some = (Sign(sign["name"], pid, now - sign["at"]) for pid, sign in found if sign is not None)
    return sorted(some, key=lambda one: one.name)


def _read(file: Path) -> dict[str, Any] | None:
    """Return what a file says; None if the process that wrote it has ended."""
    born = born_at(_pid_of(file))
    try:
        sign: dict[str, Any] = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    return sign if born is not None and sign.get("born", born) == born else None


def _files(home: Path) -> Iterator[Path]:
    """Yield the files of this host: a shared folder may have those of others, with process ids of their own."""
    host = f"{socket.gethostname()}-"
    folder = home / FOLDER
    if folder.is_dir():
        yield from (
            file for file in folder.iterdir() if file.name.startswith(host) and file.name[len(host) :].isdigit()
        )


def _pid_of(file: Path) -> int:
    return int(file.name.rpartition("-")[2])
