"""The guard of a flush: nothing is recorded by a bound that the horizon of names has passed (`retention.beyond`)."""

from __future__ import annotations

from typing import Any, Final

from flowledger.storage.engines.pipeline import HorizonMoved

CANCELLED: Final = "57014"
"""PostgreSQL's code of the error; somebody who cancels the statement causes the same."""

_PASSED: Final = "FROM horizons WHERE what = 'names' AND horizon > "
_ON_POSTGRESQL: Final = f"SELECT pg_cancel_backend(pg_backend_pid()) {_PASSED} %s;"
_ON_SQLITE: Final = f"SELECT 1 {_PASSED} ?"


def guard(cursor: Any, bound: str | None) -> bytes:
    """Return the statement that ends a round trip to PostgreSQL, before its first event, if the guard refuses it."""
    return b"" if bound is None else cursor.mogrify(_ON_POSTGRESQL, [bound or "-infinity"])


def check(driver: Any, bound: str | None) -> None:
    """Raise HorizonMoved in an open transaction of SQLite if the guard refuses it."""
    if bound is not None and driver.execute(_ON_SQLITE, (bound,)).fetchone():
        raise HorizonMoved("the horizon of names has moved")
