"""Whether the parts of a service are up: each gives a first sign of life, or the reason why it does not is told."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Final, NamedTuple

import redis

from flowledger.cli.processes import Process
from flowledger.domain.errors import LedgerError
from flowledger.domain.settings import Settings
from flowledger.workers.bond_words import redis_place
from flowledger.workers.connections import connect

_START_SECONDS: Final = 120.0
_LOOK_SECONDS: Final = 0.1
_OK: Final = 200


class Part(NamedTuple):
    """A process of the service, and whether it has come so far that it does its work."""

    process: Process
    is_up: Callable[[], bool]
    url: str | None = None


class DidNotStart(LedgerError):
    """A part of the service ended, or gave no sign of life in time; its last words are in the message."""


def wait_for_signs(parts: Sequence[Part], seconds: float = _START_SECONDS) -> None:
    """Return when all parts are up; raises DidNotStart at once where one has ended."""
    deadline = time.monotonic() + seconds
    waiting = list(parts)
    while waiting:
        for part in waiting:
            if not part.process.is_running():
                raise DidNotStart(f"{part.process.name} ended before it was up{last_words(part.process)}")
        waiting = [part for part in waiting if not part.is_up()]
        if waiting and time.monotonic() > deadline:
            where = f" at {waiting[0].url}" if waiting[0].url else ""
            process = waiting[0].process
            raise DidNotStart(f"{process.name} gave no sign of life{where} in {seconds:g} s{last_words(process)}")
        time.sleep(_LOOK_SECONDS)


def last_words(process: Process) -> str:
    """The end of a process's log, and where the rest is."""
    words = process.last_words()
    told = f"; it says last:\n{words}\n" if words else "; "
    return f"{told}its log: {process.log}"


def file_appeared(file: Path) -> Callable[[], bool]:
    """Whether a process has made the file that `workers.sign` is to make."""
    file.unlink(missing_ok=True)
    return file.exists


def page_answers(url: str) -> Callable[[], bool]:
    """Whether a web page is there."""

    def answers() -> bool:
        with suppress(urllib.error.URLError, OSError), urllib.request.urlopen(url, timeout=2) as page:  # noqa: S310
            return bool(page.status == _OK)
        return False

    return answers


def check_redis(settings: Settings) -> None:
    """Raise LedgerError that says why Redis does not answer, and where; a slow one has a few seconds."""
    with closing(connect(settings, socket_timeout=settings.connect_timeout_seconds)) as client:
        try:
            client.ping()
        except redis.RedisError as error:
            raise LedgerError(f"Redis does not answer at {redis_place(settings)} (REDIS_URL): {error}") from None
