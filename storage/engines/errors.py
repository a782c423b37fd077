"""What PostgreSQL's errors mean for the transactions of a flush."""

from __future__ import annotations

from typing import Final

import psycopg2

from flowledger.domain.errors import DatabaseFailed, DatabaseUnavailable
from flowledger.storage.engines.engine import as_unavailable, words
from flowledger.storage.engines.guard import CANCELLED
from flowledger.storage.engines.patience import AnswerTimeout
from flowledger.storage.engines.pipeline import HorizonMoved

_PERMANENT: Final = ("22", "23", "54")
"""SQLSTATE classes that a retry cannot change: data exception, constraint violation, program limit exceeded."""

_BY_ITSELF: Final = ("08", "25", "26", "28", "3D", "3F", "40", "42", "53", "55", "57", "58")
"""SQLSTATE classes of the database's own state, or its operator's settings: connection, read-only transaction, missing
prepared statement, authorisation, missing database or schema, deadlock, missing table or privilege, resources, locks,
operator intervention, disk. They pass, or somebody mends them."""

_STRANGE_SESSION: Final = ("26000", "42P05")
"""SQLSTATE: a prepared statement is missing, or exists already."""


def is_permanent(error: psycopg2.Error) -> bool:
    """Return whether the database refuses a transaction for good."""
    return (error.pgcode or "").startswith(_PERMANENT)


def unavailable(error: psycopg2.Error) -> DatabaseUnavailable:
    """Return another error as ours: HorizonMoved if the guard may be its cause, DatabaseFailed if a transaction may,
    DatabaseDenied if the role lacks a right.
    """
    if error.pgcode == CANCELLED:
        return HorizonMoved(words(error))
    if _broke_off(error):
        return DatabaseFailed(words(error), error.pgcode or "")
    if error.pgcode in _STRANGE_SESSION:
        pooler = "does DATABASE_URL go through a pooler that shares connections by transaction?"
        return DatabaseUnavailable(f"{words(error)}: {pooler}")
    return as_unavailable(error)


def _broke_off(error: psycopg2.Error) -> bool:
    """Return whether the transactions may be at fault: the connection was lost among them, or the error is odd."""
    return not isinstance(error, AnswerTimeout) and not (error.pgcode or "").startswith(_BY_ITSELF)
