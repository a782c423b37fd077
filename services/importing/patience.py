"""Waiting for a database that is away: what was tried is tried again, until it is back or the import is to end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy import make_url

from flowledger.domain.errors import DatabaseDenied, DatabaseUnavailable, DatabaseUnfit, LedgerError
from flowledger.domain.settings import Settings

_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 5.0

Result = TypeVar("Result")


class RightMissing(LedgerError):
    """The database denies an import what it has to do: it would wait in vain."""


def patiently(do: Callable[[], Result], is_stopping: threading.Event, waits: Callable[[str], None]) -> Result:
    """Return what `do` returns, however long the database is away; `do` may be done any number of times.

    `waits` is told why, once, and "" when the database is back. Raises DatabaseUnavailable if `is_stopping` is set
    meanwhile; DatabaseUnfit and DatabaseDenied at once, which a wait does not mend.
    """
    pause, waited = _FIRST_PAUSE_SECONDS, False
    while True:
        try:
            result = do()
            if waited:
                waits("")
            return result
        except (DatabaseUnfit, DatabaseDenied):
            raise
        except DatabaseUnavailable as error:
            if not waited:
                waits(str(error))
            waited = True
            if is_stopping.wait(pause):
                raise
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


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
