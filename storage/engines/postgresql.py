"""Many transactions in one round trip on PostgreSQL, through psycopg2.

Each event is `EXECUTE …; COMMIT AND CHAIN` of one prepared statement: it inserts the journal row and, `FROM` that
insert's result, the text and the upserts: none, if the row is not new. The event's conditions are part of that
insert. A statement before it locks what two transactions must not claim at once, so it sees what the first committed.
All commits except the last are asynchronous. Commits become durable in order, so the last one, of the checkpoint, which
always writes, makes all of them durable.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import psycopg2
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from flowledger.domain.errors import DatabaseUnavailable
from flowledger.storage.engines import erased
from flowledger.storage.engines.engine import words
from flowledger.storage.engines.errors import is_permanent, unavailable
from flowledger.storage.engines.guard import guard
from flowledger.storage.engines.literals import execute
from flowledger.storage.engines.pipeline import CheckpointRow, Flushed, NoPartition, Transaction, Unrecordable
from flowledger.storage.engines.statements import REPEATED, Statement, statement_of
from flowledger.storage.schema.partitions import is_missing

_NONE_REPEATED: Final = f"SELECT set_config('{REPEATED}', '', true);".encode()
_BEGIN: Final = f"SET synchronous_commit TO off; SELECT set_config('{REPEATED}', '', false); BEGIN;".encode()
_NEXT: Final = b"COMMIT AND CHAIN;"
# The last statement is a transaction of its own: the driver returns its result.
_CHECKPOINTS: Final = (
    "COMMIT; SET synchronous_commit TO %s; "
    "WITH batch AS (INSERT INTO checkpoints (stream, entry_id, recorded_at) VALUES "
)
_COUNTED: Final = (
    " ON CONFLICT (stream) DO UPDATE SET entry_id = excluded.entry_id, recorded_at = excluded.recorded_at, "
    "batches = checkpoints.batches + 1 RETURNING stream, batches) SELECT current_setting('flowledger.repeated'), "
    "(SELECT json_object_agg(stream, batches)::text FROM batch), EXISTS (SELECT FROM erasures)"
)
_END: Final = ", ".join((_COUNTED, erased.UNLOCKED))

# Plans are made once per connection, often while the tables are empty, and a plan that scans a small table (for a check
# of a foreign key) stays when the table has grown. Everything here is looked up by its key.
SESSION: Final = {"enable_seqscan": "off", "plan_cache_mode": "force_generic_plan", "jit": "off"}
_SET_UP: Final = "; ".join(f"SET {name} TO {value}" for name, value in SESSION.items())

_MAY_BE_ERASED: Final = "may_be_erased"
"""Among what is known of a connection: whether anything was erased when it last flushed."""
_MAX_PREPARED: Final = 256
_MAX_ROUND_TRIP_BYTES: Final = 8 * 1024 * 1024


_LOCK: Final = Statement("ledger_lock", "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", "TEXT")
_CHECK: Final = Statement("ledger_erased", erased.CHECK, "TEXT[]")


class PostgresqlPipeline:
    """See `storage.engines.pipeline.Pipeline`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def run(
        self, transactions: Sequence[Transaction], checkpoints: Sequence[CheckpointRow], bound: str | None = None
    ) -> Flushed:
        try:
            connection = self._engine.raw_connection()
        except (SQLAlchemyError, psycopg2.Error) as error:
            raise DatabaseUnavailable(f"no connection to the database: {words(error)}") from error
        try:
            driver: Any = connection.driver_connection
            driver.autocommit = True  # we begin and end transactions ourselves
            with driver.cursor() as cursor:
                statements = [statement_of(transaction) for transaction in transactions]
                _set_up(cursor, connection.info)
                _prepare(cursor, connection.info, {_CHECK, _LOCK, *statements})
                end = _end(cursor, checkpoints, connection.info["synchronous_commit"])
                trips = _RoundTrips(cursor, connection.info, guard(cursor, bound))
                try:
                    flushed = _flush(trips, transactions, statements, end)
                except psycopg2.errors.DivisionByZero:
                    flushed = _flush_kept(trips, transactions, end)
            driver.autocommit = False
            return flushed
        except (psycopg2.Error, ValueError) as error:
            if isinstance(error, ValueError) or is_permanent(error):
                _give_back_clean(connection)
                raise (NoPartition if is_missing(error) else Unrecordable)(words(error)) from error
            connection.invalidate()
            raise unavailable(error) from error
        except BaseException:
            connection.invalidate()  # its state is unknown
            raise
        finally:
            connection.close()


@contextmanager
def autocommitting(connection: Connection) -> Iterator[None]:
    """Run statements without BEGIN and ROLLBACK around them.

    SQLAlchemy's isolation level AUTOCOMMIT is not used: to restore the level it asks the server, and if the session has
    ended by then, the connection never returns to the pool.
    """
    driver: Any = connection.connection.driver_connection
    driver.autocommit = True
    try:
        yield
    finally:
        try:
            driver.autocommit = False
        except psycopg2.Error:
            connection.invalidate()


def write_within(connection: Connection, transaction: Transaction) -> bool:
    """Do the writes in the open transaction of `connection`. Return False if the event was known, or must not be
    recorded. Raises psycopg2's errors.

    What is prepared stays prepared, also after a rollback, so it is noted as that of the pipeline.
    """
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor:
        cursor.execute(erased.LOCKED_WITHIN)
        found = erased.found_on_postgresql(cursor, erased.names([transaction]))
        transaction = erased.without_erased(transaction, found, partial(erased.taken_on_postgresql, cursor))
        statement = statement_of(transaction)
        _prepare(cursor, connection.connection.info, {_LOCK, statement})
        cursor.execute(_NONE_REPEATED + _executed(cursor, transaction, statement, 0))
        return cursor.fetchone() is None  # else a row: the position of what was known


def _set_up(cursor: Any, info: Any) -> None:
    """Make the settings of `SESSION`, once for each connection; never in a transaction, which might be rolled back."""
    if "is_set_up" not in info:
        cursor.execute(_SET_UP)
        info["is_set_up"] = True


def _prepare(cursor: Any, info: Any, statements: set[Statement]) -> None:
    """Prepare the statements that this connection has not prepared yet."""
    prepared: set[str] = info.setdefault("prepared", set())
    missing = [statement for statement in statements if statement.name not in prepared]
    if missing and len(prepared) + len(missing) > _MAX_PREPARED:
        cursor.execute("DEALLOCATE ALL")
        prepared.clear()
        missing = list(statements)
    for statement in missing:
        cursor.execute(statement.prepare)
        prepared.add(statement.name)


class _RoundTrips:
    """Statements that are sent together, as many as are not too large, each time after the `first` one."""

    def __init__(self, cursor: Any, info: Any, first: bytes) -> None:
        self.cursor = cursor
        self.info = info
        self._first = first
        self._texts: list[bytes] = []
        self._size = 0

    def begin(self, *texts: bytes) -> None:
        """Forget what was not sent, and begin with these."""
        self._texts, self._size = [*texts], 0

    def add(self, text: bytes) -> None:
        self._size += len(text)
        if self._size > _MAX_ROUND_TRIP_BYTES:
            self.send()
            self._size = len(text)
        self._texts.append(text)

    def send(self) -> None:
        if self._texts:
            self.cursor.execute(b"".join((self._first, *self._texts)))
            self._texts, self._size = [], 0

    def end(self, text: bytes) -> Flushed:
        self._texts.append(text)
        self.send()
        repeated, batches, self.info[_MAY_BE_ERASED], _ = self.cursor.fetchone()
        return Flushed([int(position) for position in repeated.split()], json.loads(batches or "{}"))


def _flush(
    trips: _RoundTrips, transactions: Sequence[Transaction], statements: Sequence[Statement], end: bytes
) -> Flushed:
    """Flush all. Raises DivisionByZero, with nothing done but the lock taken, if any of it is about what is erased.

    Where anything is erased, the check goes alone: the server's log gets the whole text of what fails.
    """
    cursor = trips.cursor
    trips.begin(erased.LOCKED.encode(), execute(cursor, _CHECK.name, [erased.as_array(erased.names(transactions))]))
    if trips.info.get(_MAY_BE_ERASED, True):
        trips.send()
    trips.add(_BEGIN)
    for position, (transaction, statement) in enumerate(zip(transactions, statements, strict=True)):
        trips.add(_executed(cursor, transaction, statement, position) + _NEXT)
    return trips.end(end)


def _flush_kept(trips: _RoundTrips, transactions: Sequence[Transaction], end: bytes) -> Flushed:
    """Flush what may be kept of each; the lock is taken."""
    cursor, info = trips.cursor, trips.info
    kept = erased.Kept(cursor, transactions, trips.send)
    trips.begin(_BEGIN)
    for position, transaction in enumerate(kept):
        if transaction is erased.NOTHING:
            continue
        statement = statement_of(transaction)
        if statement.name not in info["prepared"]:
            trips.send()
            _prepare(cursor, info, {_CHECK, _LOCK, statement})
        trips.add(_executed(cursor, transaction, statement, position) + _NEXT)
        if kept.adds_a_part:
            trips.send()
    return trips.end(end)


def _end(cursor: Any, checkpoints: Sequence[CheckpointRow], commit: str) -> bytes:
    rows = b", ".join(cursor.mogrify("%s", (tuple(checkpoint),)) for checkpoint in checkpoints)
    return b"".join(((_CHECKPOINTS % commit).encode(), rows, _END.encode()))


def _executed(cursor: Any, transaction: Transaction, statement: Statement, position: int) -> bytes:
    """Return the SQL text of one transaction, without its end."""
    locks = [execute(cursor, _LOCK.name, [one.lock]) for one in transaction.conditions if one.lock is not None]
    return b"".join(locks) + execute(cursor, statement.name, statement.values(transaction, position))


def _give_back_clean(connection: Any) -> None:
    """Roll back the transaction that failed, so that the connection can be used again."""
    driver = connection.driver_connection
    try:
        with driver.cursor() as cursor:
            cursor.execute("ROLLBACK")
            cursor.execute("SELECT pg_advisory_unlock_all()")
            cursor.execute(
                "SELECT set_config('synchronous_commit', %s, false)", (connection.info["synchronous_commit"],)
            )
        driver.autocommit = False
    except psycopg2.Error as error:
        connection.invalidate()
        raise DatabaseUnavailable(words(error)) from error
