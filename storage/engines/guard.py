"""The guard of a flush: nothing is recorded by a bound that the horizon of names has passed (`retention.beyond`)."""

from __future__ import annotations

from typing import Any, Final

from flowledger.domain.errors import DatabaseUnavailable

_PASSED: Final = "FROM horizons WHERE what = 'names' AND horizon > "
_ON_POSTGRESQL: Final = f"SELECT pg_cancel_backend(pg_backend_pid()) {_PASSED} %s;"
_ON_SQLITE: Final = f"SELECT 1 {_PASSED} ?"
_CANCELLED: Final = "57014"
_WORDS: Final = "the horizon of names has moved: what was taken is read again"


def guard(cursor: Any, bound: str | None) -> bytes:
    """Return the statement that ends a round trip to PostgreSQL, before its first event, if the guard refuses it."""
    return b"" if bound is None else cursor.mogrify(_ON_POSTGRESQL, [bound or "-infinity"])


def cause_of(code: str) -> str:
    """Return the words to add to PostgreSQL's error with this code, if the guard may be its cause."""
    return f" (by somebody, or {_WORDS})" if code == _CANCELLED else ""


def check(driver: Any, bound: str | None) -> None:
    """Raise DatabaseUnavailable in an open transaction of SQLite if the guard refuses it."""
    if bound is not None and driver.execute(_ON_SQLITE, (bound,)).fetchone():
        raise DatabaseUnavailable(_WORDS)
