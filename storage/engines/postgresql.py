"""Many transactions in one round trip on PostgreSQL, through psycopg2.

Each event is `EXECUTE …; COMMIT AND CHAIN` of one prepared statement: it inserts the journal row and, `FROM` that
insert's result, the text and the upserts: none, if the row is not new. The event's conditions are part of that
insert. A statement before it locks what two transactions must not claim at once, so it sees what the first committed.
All commits except the last are asynchronous. Commits become durable in order, so the last one, of the checkpoint, which
always writes, makes all of them durable.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final, NamedTuple

import psycopg2
from sqlalchemy import ColumnElement, Connection, Engine, Text, bindparam, exists, false, func, literal_column, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import SQLAlchemyError

from flowledger.domain.errors import DatabaseUnavailable
from flowledger.storage.engines.engine import words
from flowledger.storage.engines.errors import is_permanent, unavailable
from flowledger.storage.engines.guard import guard
from flowledger.storage.engines.literals import execute
from flowledger.storage.engines.pipeline import (
    CheckpointRow,
    Flushed,
    NoPartition,
    Transaction,
    Unrecordable,
)
from flowledger.storage.ledger import event_texts
from flowledger.storage.ledger.journal import COLUMNS
from flowledger.storage.ledger.journal import TABLE as EVENTS
from flowledger.storage.merge.conditions import ConditionShape, binds, clause
from flowledger.storage.merge.writes import Shape, built
from flowledger.storage.schema.partitions import is_missing

# A batch collects which of its events were known in a setting of its session: this writes nothing, and one query at the
# end reads it. (psycopg2 returns only the result of the last statement of a round trip.)
_REPEATED: Final = "flowledger.repeated"
_NONE_REPEATED: Final = f"SELECT set_config('{_REPEATED}', '', true);".encode()
_BEGIN: Final = f"SET synchronous_commit TO off; SELECT set_config('{_REPEATED}', '', false); BEGIN;"
_NEXT: Final = b"COMMIT AND CHAIN;"
# The last statement is a transaction of its own: the driver returns its result.
_CHECKPOINTS: Final = (
    "COMMIT; SET synchronous_commit TO %s; "
    "WITH batch AS (INSERT INTO checkpoints (stream, entry_id, recorded_at) VALUES "
)
_END: Final = (
    " ON CONFLICT (stream) DO UPDATE SET entry_id = excluded.entry_id, recorded_at = excluded.recorded_at, "
    "batches = checkpoints.batches + 1 RETURNING stream, batches) SELECT current_setting('flowledger.repeated'), "
    "(SELECT json_object_agg(stream, batches)::text FROM batch)"
)

# Plans are made once per connection, often while the tables are empty, and a plan that scans a small table (for a check
# of a foreign key) stays when the table has grown. Everything here is looked up by its key.
SESSION: Final = {"enable_seqscan": "off", "plan_cache_mode": "force_generic_plan", "jit": "off"}
_SET_UP: Final = "; ".join(f"SET {name} TO {value}" for name, value in SESSION.items())

_MAX_PREPARED: Final = 256
_MAX_ROUND_TRIP_BYTES: Final = 8 * 1024 * 1024


class Statement(NamedTuple):
    """The prepared statement of one combination of writes; its parameters are in the order of `values`."""

    name: str
    sql: str
    types: str

    @property
    def prepare(self) -> str:
        return f"PREPARE {self.name} ({self.types}) AS {self.sql}"

    @staticmethod
    def values(transaction: Transaction, position: int) -> list[Any]:
        """Return all values of a transaction; `position` is what it reports if its event is known."""
        values: list[Any] = [] if transaction.journal is None else [*transaction.journal, f"{position} "]
        for condition in transaction.conditions:
            values += condition.values
        for write in transaction.writes:
            values += write.values
        return values


_LOCK: Final = Statement("ledger_lock", "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", "TEXT")


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
                needed = {_LOCK, *statements} if any(one.conditions for one in transactions) else set(statements)
                _prepare(cursor, connection.info, needed)
                end = _end(cursor, checkpoints, connection.info["synchronous_commit"])
                flushed = _flush(cursor, transactions, statements, guard(cursor, bound), end)
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
    statement = statement_of(transaction)
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor:
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


def _flush(
    cursor: Any,
    transactions: Sequence[Transaction],
    statements: Sequence[Statement],
    guarded: bytes,
    end: bytes,
) -> Flushed:
    size = 0
    round_trip = [guarded, _BEGIN.encode()]
    for position, (transaction, statement) in enumerate(zip(transactions, statements, strict=True)):
        text = _executed(cursor, transaction, statement, position) + _NEXT
        size += len(text)
        if size > _MAX_ROUND_TRIP_BYTES:
            cursor.execute(b"".join(round_trip))
            round_trip, size = [guarded], len(text)
        round_trip.append(text)
    cursor.execute(b"".join((*round_trip, end)))
    repeated, batches = cursor.fetchone()
    return Flushed([int(position) for position in repeated.split()], json.loads(batches or "{}"))


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
            cursor.execute(
                "SELECT set_config('synchronous_commit', %s, false)", (connection.info["synchronous_commit"],)
            )
        driver.autocommit = False
    except psycopg2.Error as error:
        connection.invalidate()
        raise DatabaseUnavailable(words(error)) from error


def statement_of(transaction: Transaction) -> Statement:
    """Return the prepared statement for a transaction's combination of writes."""
    return _statement(
        transaction.journal is not None,
        tuple([condition.shape for condition in transaction.conditions]),
        tuple([write.shape for write in transaction.writes]),
    )


@lru_cache(maxsize=4096)
def _statement(with_journal: bool, conditions: tuple[ConditionShape, ...], shapes: tuple[Shape, ...]) -> Statement:
    """Build the statement with SQLAlchemy; its parameters are renumbered in the order of the collected values."""
    names = [*(f"journal_{column}" for column in (*COLUMNS, "raw")), "position"] if with_journal else []
    names += [name for place in range(len(conditions)) for name in binds(f"c{place}_")]
    new = _journal_insert(conditions) if with_journal else None
    writes = [] if new is None else [_text_insert(new)]
    for place, shape in enumerate(shapes):
        prefix = f"w{place}_"
        write = built(shape)
        names += [prefix + bind for bind in write.binds]
        writes.append(write.postgresql(prefix, new).cte(f"w{place}"))
    told = select(literal_column("1")) if new is None else _tell_repeated(new)
    compiled = told.add_cte(*writes).compile(dialect=_DIALECT)
    numbers = {name: place for place, name in enumerate(names, 1)}
    order = [numbers[name] for name in compiled.positiontup or ()]
    sql = re.sub(r"\$(\d+)", lambda match: f"${order[int(match[1]) - 1]}", str(compiled))
    types = ", ".join(_type(compiled.binds[name].type) for name in names)
    # Named after its content: if this name is prepared in the session already, it is the same statement.
    name = hashlib.sha256(f"{types};{sql}".encode()).hexdigest()[:32]
    return Statement(f"ledger_{name}", sql, types)


def _journal_insert(conditions: tuple[ConditionShape, ...]) -> Any:
    values = [bindparam(f"journal_{column}", type_=EVENTS.c[column].type) for column in COLUMNS]
    row = select(*values).where(*(clause(shape, f"c{place}_") for place, shape in enumerate(conditions)))
    insert = postgresql.insert(EVENTS).from_select(COLUMNS, row).on_conflict_do_nothing()
    return insert.returning(literal_column("1").label("one")).cte("new")


def _text_insert(new: Any) -> Any:
    table, names = event_texts.TABLE, event_texts.COLUMNS
    row = select(*(bindparam(f"journal_{name}", type_=table.c[name].type) for name in names)).select_from(new)
    return postgresql.insert(table).from_select(names, row).cte("text")


def _tell_repeated(new: Any) -> Any:
    position = bindparam("position", type_=Text())
    setting: ColumnElement[str] = literal_column(f"'{_REPEATED}'", Text())
    told = func.set_config(setting, func.current_setting(setting, type_=Text()).concat(position), false())
    return select(told).where(~exists(select(literal_column("1")).select_from(new)))


def _type(type_: Any) -> str:
    return str(type_.compile(dialect=_DIALECT)).partition(" COLLATE")[0]


_DIALECT: Final = postgresql.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
