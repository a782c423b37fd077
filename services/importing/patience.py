"""Waiting for a database that is away: what was tried is tried again, until it is back or the import is to end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, TypeVar

from flowledger.domain.errors import DatabaseUnavailable, DatabaseUnfit

_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 5.0

Result = TypeVar("Result")


def patiently(do: Callable[[], Result], is_stopping: threading.Event, waits: Callable[[str], None]) -> Result:
    """Return what `do` returns, however long the database is away; `do` may be done any number of times.

    `waits` is told why, once, and "" when the database is back. Raises DatabaseUnavailable if `is_stopping` is set
    meanwhile, DatabaseUnfit at once.
    """
    pause, waited = _FIRST_PAUSE_SECONDS, False
    while True:
        try:
            result = do()
            if waited:
                waits("")
            return result
        except DatabaseUnfit:
            raise
        except DatabaseUnavailable as error:
            if not waited:
                waits(str(error))
            waited = True
            if is_stopping.wait(pause):
                raise
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
