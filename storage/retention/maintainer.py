"""Who maintains the ledger: one at a time on PostgreSQL, and only with the right to delete.

Two at once do no harm, only double work: so the lock may be lost with its session, and SQLite, where one transaction
writes at a time, needs none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, Table, bindparam, text
from sqlalchemy.exc import SQLAlchemyError

from flowledger.storage.schema.partitions import is_partitioned
from flowledger.storage.unit_of_work import Storage

_KEY: Final = "hashtextextended('ledger_maintainer ' || current_schema(), 0)"
_TAKE: Final = text(f"SELECT pg_try_advisory_lock({_KEY})")
_RELEASE: Final = text(f"SELECT pg_advisory_unlock({_KEY})")
_IS_THERE: Final = text("SELECT 1")
_LET_GO: Final = "ledger_let_go"
_TABLES: Final = text(
    "SELECT name FROM unnest(CAST(:names AS text[])) name WHERE NOT has_table_privilege(quote_ident(name), 'DELETE')"
)
_FUNCTIONS: Final = text(
    "SELECT count(*) FROM pg_proc WHERE proname = :name AND pronamespace = to_regnamespace(current_schema())"
    " AND has_function_privilege(oid, 'EXECUTE')"
).bindparams(bindparam("name", _LET_GO))


@contextmanager
def only_one(storage: Storage) -> Iterator[Callable[[], object] | None]:
    """Be the only maintainer until the end: yield what raises DatabaseUnavailable if that was lost; None if one is.

    Raises DatabaseUnavailable.
    """
    if storage.engine.dialect.name != "postgresql":
        yield lambda: None
        return
    with storage.looking() as connection:
        if not connection.execute(_TAKE).scalar_one():
            yield None
            return
        try:
            yield lambda: connection.execute(_IS_THERE).scalar_one()
        finally:
            try:
                connection.execute(_RELEASE)
            except SQLAlchemyError:
                connection.invalidate()


def forbidden(connection: Connection, tables: Sequence[Table]) -> list[str]:
    """Return the names of those tables from which this role may not delete; weeks go by a function of the owner."""
    if connection.dialect.name != "postgresql":
        return []
    weeks = {table.name for table in tables if is_partitioned(table)}
    plain = [table.name for table in tables if table.name not in weeks]
    found = set(connection.execute(_TABLES, {"names": plain}).scalars())
    if weeks and not connection.execute(_FUNCTIONS).scalar_one():
        found |= weeks
    return [table.name for table in tables if table.name in found]
