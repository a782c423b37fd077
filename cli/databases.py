"""Where the named database is not there, or not at the newest schema: what is told, and what to run."""

from __future__ import annotations

import shlex
from pathlib import Path

from sqlalchemy import make_url

from flowledger.domain.errors import LedgerError
from flowledger.domain.settings import Settings
from flowledger.storage.engines.address import DatabaseAddress


def refuse_missing(settings: Settings, database: str | None) -> None:
    """Raise LedgerError if the file of SQLite is not there: to connect would make it. `database` as for `to_migrate`.

    Raises SettingsError if the settings name no database.
    """
    address = DatabaseAddress.of(settings)
    file = address.url.database or ""
    if not address.is_postgresql and _is_missing(file):
        raise LedgerError(f"there is no database {file}: name another, or make it by {to_migrate(database)}")


def _is_missing(file: str) -> bool:
    try:
        Path(file).stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):  # to connect tells what is wrong with it
        return False
    return False


def to_migrate(database: str | None) -> str:
    """Return the command that migrates the database of `--database`, or of the environment (None); no secret."""
    if database is None:
        return "`flowledger migrate`"
    url = make_url(database.strip())
    if url.password is not None or url.query:  # a query may hold a password as well
        return "`flowledger migrate` with the same --database"
    return f"`flowledger migrate --database {shlex.quote(database.strip())}`"
