"""Transactions over the whole database: a snapshot for reads, and one that reads and changes rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from flowledger.storage.engines.engine import BEGIN_IMMEDIATE, as_unavailable
from flowledger.storage.unit_of_work import Storage

_WITHOUT_WAITING: Final = "SET LOCAL synchronous_commit TO off; SET LOCAL lock_timeout TO '1s'"
_GIVING_WAY: Final = "SET LOCAL synchronous_commit TO off; SET LOCAL lock_timeout TO '5ms'"


@contextmanager
def snapshot(storage: Storage, *kept: Table) -> Iterator[Connection]:
    """Yield a connection whose reads all see the database at one moment; workers go on recording meanwhile.

    An event's journal row and its writes are one transaction, so a snapshot has all of them or none. No week of the
    `kept` tables goes until the end. Raises DatabaseUnavailable if the database is unavailable.
    """
    with _connection(storage) as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin() as transaction:  # on SQLite: the state of the first read (write-ahead log)
            if kept and connection.dialect.name == "postgresql":  # before the snapshot is made
                names = ", ".join(table.name for table in kept)
                connection.exec_driver_sql(f"LOCK TABLE {names} IN ACCESS SHARE MODE")
            yield connection
            transaction.rollback()


@contextmanager
def releasing(connection: Connection) -> Iterator[None]:
    """Release the locks that reads inside took, when they end: PostgreSQL has too few for all weeks of all tables."""
    if connection.dialect.name != "postgresql":
        yield
        return
    savepoint = connection.begin_nested()
    try:
        yield
    finally:
        savepoint.rollback()


@contextmanager
def changing(storage: Storage) -> Iterator[Connection]:
    """Yield a transaction whose statements each see what others have committed; it is committed at the end.

    On SQLite nobody else writes from its beginning on; on PostgreSQL lock the rows that must not change. Raises
    DatabaseUnavailable if the database is unavailable, or ended the transaction (a deadlock): then retry it.
    """
    with _connection(storage) as connection, _of_the_moment(connection):
        yield connection


@contextmanager
def unhurried(storage: Storage) -> Iterator[Connection]:
    """Yield a transaction for rows that may be lost: its commit waits for no disk, and not long for locks.

    If the database's machine crashes, what was committed in the last second may be missing. Raises DatabaseUnavailable
    if the database is unavailable, or a lock is held by others.
    """
    with _connection(storage) as connection, _without_flush(connection), connection.begin():
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(_WITHOUT_WAITING)
        yield connection


@contextmanager
def biting(storage: Storage) -> Iterator[Connection]:
    """Yield a transaction as `changing`, for some rows that are to go: it gives way to others, and waits for no disk.

    Raises DatabaseUnavailable as well if a lock is held by others; if the database's machine crashes, rows that went in
    the last second may be back.
    """
    with _connection(storage) as connection, _without_flush(connection), _of_the_moment(connection):
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(_GIVING_WAY)
        yield connection


@contextmanager
def _connection(storage: Storage) -> Iterator[Connection]:
    try:
        with storage.engine.connect() as connection:
            yield connection
    except (DBAPIError, PoolTimeout) as error:
        raise as_unavailable(error) from error


@contextmanager
def _of_the_moment(connection: Connection) -> Iterator[None]:
    """Begin a transaction in which each statement sees what is committed by then; on SQLite nobody else writes."""
    if connection.dialect.name == "postgresql":
        connection.execution_options(isolation_level="READ COMMITTED")
    else:
        connection.execution_options(**{BEGIN_IMMEDIATE: True})
    with connection.begin():
        yield


@contextmanager
def _without_flush(connection: Connection) -> Iterator[None]:
    """On SQLite, commit without waiting for the disk."""
    if connection.dialect.name == "postgresql":
        yield
        return
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA synchronous = NORMAL")  # never in a transaction: SQLite refuses it there
    try:
        yield
    finally:
        driver.execute("PRAGMA synchronous = FULL")
