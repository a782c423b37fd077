"""Waiting for a database that is away: what was tried is tried again, until it is back or the import is to end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy import make_url

from flowledger.domain.errors import DatabaseDenied, DatabaseUnavailable, DatabaseUnfit, LedgerError
from flowledger.domain.settings import Settings

_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 5.0
_PAUSE_AT_THE_END_SECONDS: Final = 0.2
LAST_SECONDS: Final = 5.0
"""How long an import that is to end still waits for the database, with lines that cannot be read again."""

Result = TypeVar("Result")


class RightMissing(LedgerError):
    """The database denies an import what it has to do: it would wait in vain."""


class Stopping:
    """Whether an import is to end, and since when. May be set from any thread, and by a handler of signals."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._since = 0.0

    def set(self) -> None:
        if not self._event.is_set():
            self._since = time.monotonic()
            self._event.set()

    def is_set(self) -> bool:
        return self._event.is_set()

    def ends_a_wait(self, seconds: float, last_seconds: float) -> bool:
        """Wait so long, or until the import is to end. Return whether that was `last_seconds` ago."""
        if not self._event.wait(seconds):
            return False
        left = self._since + last_seconds - time.monotonic()
        if left > 0:
            time.sleep(min(left, _PAUSE_AT_THE_END_SECONDS))
        return left <= 0


def patiently(
    do: Callable[[], Result], stopping: Stopping, waits: Callable[[str], None], last_seconds: float = 0.0
) -> Result:
    """Return what `do` returns, however long the database is away; `do` may be done any number of times.

    `waits` is told why, once, and "" when the database is back. Raises DatabaseUnavailable if the import is to end
    meanwhile, `last_seconds` after that; DatabaseUnfit and DatabaseDenied at once, which a wait does not mend.
    """
    pause, waited = _FIRST_PAUSE_SECONDS, False
    while True:
        try:
            result = do()
            if waited:
                waits("")
            return result
        except DatabaseUnavailable as error:
            if not is_away(error):
                raise
            if not waited:
                waits(str(error))
            waited = True
            if stopping.ends_a_wait(pause, last_seconds):
                raise
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


def is_away(error: BaseException) -> bool:
    """Return whether a database was away, which a wait may mend."""
    return isinstance(error, DatabaseUnavailable) and not isinstance(error, DatabaseUnfit | DatabaseDenied)


def needed(settings: Settings) -> str:
    """Return who lacks a right that an import needs, and who gives it."""
    assert settings.database_url is not None
    url = make_url(settings.database_url.get_secret_value())
    if url.get_backend_name() == "sqlite":
        return "an import needs the right to write this file"
    role = "the role of DATABASE_URL" if url.username is None else f"the role {url.username}"
    return (
        f"{role} lacks a right that an import needs: those of flowledger_worker suffice, which the owner of the tables "
        "gives by deploy/postgresql/grants.sql"
    )
