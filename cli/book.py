"""Which processes a service has started: told apart from all others by number and time of birth, and ended with it.

`python -m cli.book FILE` is the guardian: it holds one end of a pipe to the service, and when the service has ended,
however it ended, it ends whatever of its processes is left.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import psutil

from flowledger.workers.health.birth import born_at

_END_SECONDS: Final = 15.0
_SERVERS: Final = {"postgresql": signal.SIGINT, "valkey": signal.SIGTERM}
"""They are in no group of their own making, and are asked in their own way."""


class Book:
    """The processes of one service, by name, each with the time of its birth, for numbers are given anew."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def note(self, name: str, pid: int) -> None:
        """At once after a process was started."""
        born = born_at(pid)
        if born is not None:
            found = self._read() | {name: (pid, born)}
            new = self.file.with_suffix(".new")
            new.write_text(json.dumps(found))
            new.replace(self.file)

    def close(self) -> None:
        """All have ended."""
        self.file.unlink(missing_ok=True)

    def end_all(self, tell: Callable[[str], None] = lambda _: None) -> None:
        """End what is left, what was started last first: each is asked, and killed where it does not end."""
        for name, (pid, born) in reversed(self._read().items()):
            if _lives(pid, born):
                tell(f"ending {name}, which was left running")
                with suppress(ProcessLookupError):
                    os.kill(pid, _SERVERS.get(name, signal.SIGTERM))
            deadline = time.monotonic() + _END_SECONDS
            while _lives(pid, born) and time.monotonic() < deadline:
                time.sleep(0.05)
            _kill(name, pid, born)
        self.close()

    def _read(self) -> dict[str, tuple[int, float]]:
        try:
            found: Any = json.loads(self.file.read_text())
            return {str(name): (int(pid), float(born)) for name, (pid, born) in found.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}


@contextmanager
def guarded(home: Path, tell: Callable[[str], None]) -> Iterator[Book]:
    """A book for a service in `home`, and a guardian; first, what earlier services have left running is ended."""
    for left in home.glob("processes-*.json"):
        Book(left).end_all(tell)
    book = Book(home / f"processes-{os.getpid()}.json")
    guardian = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-P", "-m", "flowledger.cli.book", str(book.file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd=Path(__file__).parents[1],
    )
    assert guardian.stdin is not None
    try:
        yield book
    finally:
        book.end_all()
        guardian.stdin.close()
        guardian.wait()


def _lives(pid: int, born: float) -> bool:
    return born_at(pid) == born


def _kill(name: str, pid: int, born: float) -> None:
    """kill -9 of what did not end, and of its children, which are in its group.

    The number of a group that has members is nobody else's; that of one that has none may be by now.
    """
    if _lives(pid, born) and name in _SERVERS:
        os.kill(pid, signal.SIGKILL)
    elif name not in _SERVERS and (_lives(pid, born) or not psutil.pid_exists(pid)):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def main() -> None:
    """Wait for the end of the service."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    Book(Path(sys.argv[1])).end_all()


if __name__ == "__main__":
    main()
