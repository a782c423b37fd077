"""Many transactions on SQLite: the same statements as on PostgreSQL, one after the other in this process.

Only the last commit flushes the write-ahead log (`PRAGMA synchronous`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any, Final

from sqlalchemy import Engine, bindparam, select, true
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import SQLAlchemyError

from flowledger.domain.errors import DatabaseFailed, DatabaseUnavailable
from flowledger.storage.engines import erased
from flowledger.storage.engines.engine import as_unavailable
from flowledger.storage.engines.guard import check
from flowledger.storage.engines.pipeline import CheckpointRow, Flushed, Transaction, Unrecordable
from flowledger.storage.ledger import event_texts
from flowledger.storage.ledger.journal import COLUMNS
from flowledger.storage.ledger.journal import TABLE as EVENTS
from flowledger.storage.merge.conditions import ConditionShape, binds, clause
from flowledger.storage.merge.writes import Shape, built

_CHECKPOINT: Final = (
    "INSERT INTO checkpoints (stream, entry_id, recorded_at) VALUES (?, ?, ?) "
    "ON CONFLICT (stream) DO UPDATE SET entry_id = excluded.entry_id, recorded_at = excluded.recorded_at, "
    "batches = batches + 1 RETURNING batches"
)
_TEXT: Final = f"INSERT INTO event_texts ({', '.join(event_texts.COLUMNS)}) VALUES (?, ?, ?)"  # noqa: S608 - our own
_PERMANENT: Final = (sqlite3.IntegrityError, sqlite3.DataError, OverflowError, ValueError)


class SqlitePipeline:
    """See `storage.engines.pipeline.Pipeline`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def run(
        self, transactions: Sequence[Transaction], checkpoints: Sequence[CheckpointRow], bound: str | None = None
    ) -> Flushed:
        try:
            connection = self._engine.raw_connection()
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise DatabaseUnavailable(f"no connection to the database: {error}") from error
        driver: Any = connection.driver_connection
        try:
            driver.execute("PRAGMA synchronous = NORMAL")
            repeated = [
                place for place, transaction in enumerate(transactions) if not _commit(driver, transaction, bound)
            ]
            driver.execute("PRAGMA synchronous = FULL")
            driver.execute("BEGIN IMMEDIATE")
            batches = {row.stream: driver.execute(_CHECKPOINT, row).fetchone()[0] for row in checkpoints}
            driver.execute("COMMIT")
            return Flushed(repeated, batches)
        except _PERMANENT as error:
            raise Unrecordable(str(error)) from error
        except sqlite3.Error as error:
            if _broke_off(error):
                raise DatabaseFailed(str(error), getattr(error, "sqlite_errorname", "")) from error
            raise as_unavailable(error) from error
        finally:
            with suppress(sqlite3.Error):
                if driver.in_transaction:
                    driver.execute("ROLLBACK")
                driver.execute("PRAGMA synchronous = FULL")
            connection.close()


def _broke_off(error: sqlite3.Error) -> bool:
    """Return whether the transaction may be at fault.

    SQLite has a code for each error of its own state (busy, full …), but none for a missing table or column.
    """
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_MISUSE) & 0xFF
    odd = code in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISUSE, sqlite3.SQLITE_RANGE, sqlite3.SQLITE_TOOBIG)
    return odd and not str(error).startswith(("no such", "table "))


def _commit(driver: Any, transaction: Transaction, bound: str | None) -> bool:
    """Commit one transaction. Return False if its event was known, or must not be recorded.

    Raises DatabaseUnavailable if the horizon of names has passed the bound.
    """
    driver.execute("BEGIN IMMEDIATE")
    try:
        check(driver, bound)
        new = write_within(driver, transaction)
        driver.execute("COMMIT")
        return new
    except BaseException:
        if driver.in_transaction:
            driver.execute("ROLLBACK")
        raise


def write_within(driver: Any, transaction: Transaction) -> bool:
    """Do the writes in the open transaction, those that may be kept. Return False if the event was known, or must not
    be recorded.
    """
    found = erased.found_on_sqlite(driver, erased.names([transaction]))
    transaction = erased.without_erased(transaction, found, partial(erased.taken_on_sqlite, driver))
    new = transaction.journal is None or _write_journal(driver, transaction)
    if new:
        for write in transaction.writes:
            sql, binds = statement_of(write.shape)
            driver.execute(sql, dict(zip(binds, write.values, strict=True)))
    return new


def _write_journal(driver: Any, transaction: Transaction) -> bool:
    """Write the event's row, and its text, if it is new and all conditions hold. Return whether they were written."""
    *values, raw = transaction.journal or ()
    for condition in transaction.conditions:
        values += condition.values
    sql, names = _journal(tuple([condition.shape for condition in transaction.conditions]))
    given = dict(zip(names, values, strict=True))
    if driver.execute(sql, given).rowcount != 1:
        return False
    if raw is not None:
        driver.execute(_TEXT, (given["recorded_at"], given["meaning"], raw))
    return True


@lru_cache(maxsize=64)
def _journal(conditions: tuple[ConditionShape, ...]) -> tuple[str, tuple[str, ...]]:
    """Return the insert of a journal row under some conditions, and the names of its parameters in order."""
    prefixes = [f"c{place}_" for place in range(len(conditions))]
    clauses = [clause(shape, prefix) for shape, prefix in zip(conditions, prefixes, strict=True)]
    row = select(*(bindparam(name, type_=EVENTS.c[name].type) for name in COLUMNS)).where(true(), *clauses)
    insert = sqlite.insert(EVENTS).from_select(COLUMNS, row).on_conflict_do_nothing()
    names = (*COLUMNS, *(name for prefix in prefixes for name in binds(prefix)))
    return str(insert.compile(dialect=_DIALECT)), names


@lru_cache(maxsize=4096)
def statement_of(shape: Shape) -> tuple[str, tuple[str, ...]]:
    """Return the statement of one write, and the names of its parameters in the order of the write's values."""
    write = built(shape)
    return str(write.sqlite("").compile(dialect=_DIALECT)), write.binds


_DIALECT: Final = sqlite.dialect(paramstyle="named")
