"""The connection pool, set as on the platforms: 20 + 40 connections, 30 s timeout, recycled hourly, pre-pinged."""

from __future__ import annotations

import sqlite3
from functools import partial
from typing import Any

import psycopg2
from pydantic import SecretStr
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from flowledger.domain import json_text
from flowledger.domain.errors import DatabaseDenied, DatabaseUnavailable
from flowledger.domain.settings import Settings
from flowledger.storage.engines.address import DatabaseAddress, connect_arguments
from flowledger.storage.engines.askable import make_askable
from flowledger.storage.engines.patience import AnswerTimeout
from flowledger.storage.engines.session import SessionSetUp
from flowledger.storage.merge.additions import make_functions

BEGIN_IMMEDIATE = "flowledger_begin_immediate"
"""An execution option: on SQLite, take the write lock at once, so that rows that were read do not change."""
_INSUFFICIENT_PRIVILEGE = "42501"
_READ_ONLY = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_READONLY_DIRECTORY)
"""The other codes of this kind (`SQLITE_READONLY_…`) are of recovery, locks and a file that was moved: no rights."""


def make_engine(settings: Settings) -> Engine:
    """Return an engine for `settings.database_url`: PostgreSQL through psycopg2, or SQLite.

    Raises SettingsError if the URL is missing or cannot be used. Its connections raise DatabaseUnfit if the database
    would make wrong rows (`storage.engines.session`).
    """
    address = DatabaseAddress.of(settings)
    options = engine_options(settings, address)
    if address.is_postgresql:
        engine = create_engine(address.url, **options, connect_args=dict(address.parameters))
        connect = partial(psycopg2.connect, **connect_arguments(address))
        # Before all other listeners: SQLAlchemy's first queries to a new server need a session that is set up.
        event.listen(engine, "connect", SessionSetUp(address.session, connect), insert=True)
        make_askable(engine)
        return engine
    engine = create_engine(address.url, **options)
    set_up_sqlite(engine)
    make_askable(engine)
    return engine


def settings_of(url: str | None) -> Settings:
    """Return the environment's settings, with `url` for the database if it is given. Raises SettingsError."""
    return Settings.load() if url is None else Settings.load(database_url=SecretStr(url))


def engine_options(settings: Settings, address: DatabaseAddress) -> dict[str, Any]:
    """Return the arguments for an engine of SQLAlchemy that are the same for all drivers of a kind of database."""
    pool: dict[str, Any] = {
        "pool_size": settings.pool_size,
        "max_overflow": settings.pool_max_overflow,
        "pool_timeout": settings.pool_timeout_seconds,
    }
    if not address.is_postgresql:
        return {**pool, "connect_args": {"timeout": settings.pool_timeout_seconds}}
    return {
        **pool,
        "pool_recycle": settings.pool_recycle_seconds,
        "pool_pre_ping": True,
        "json_deserializer": json_text.stored,
        "json_serializer": json_text.dumps,
    }


def set_up_sqlite(engine: Engine) -> None:
    """Let an engine set up each connection with SQLite, and begin its transactions."""
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)


def _set_up_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we begin transactions ourselves; sqlite3 would guess
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    make_functions(connection)


def _begin_sqlite(connection: Any) -> None:
    immediate = connection.get_execution_options().get(BEGIN_IMMEDIATE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def words(error: Exception) -> str:
    """Return the database's message, without the statement and its values."""
    if isinstance(error, PoolTimeout):
        return "no connection became free in time"
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__


def as_unavailable(error: Exception, what: str = "") -> DatabaseUnavailable:
    """Return a driver's error as ours, with `what` in front: DatabaseDenied if it is about a right."""
    kind = DatabaseDenied if _is_denied(error) else DatabaseUnavailable
    return kind(what + words(error))


def sqlstate(error: DatabaseUnavailable) -> str | None:
    """Return PostgreSQL's code for what went wrong; None if it gave none."""
    return _code(error.__cause__)


def _code(error: BaseException | None) -> str | None:
    return getattr(_of_driver(error), "pgcode", None)


def _is_denied(error: Exception) -> bool:
    if _code(error) is not None:
        return _code(error) == _INSUFFICIENT_PRIVILEGE
    return getattr(_of_driver(error), "sqlite_errorcode", sqlite3.SQLITE_OK) in _READ_ONLY


def _of_driver(error: BaseException | None) -> BaseException | None:
    return error.orig if isinstance(error, DBAPIError) else error


def is_timeout(error: DatabaseUnavailable) -> bool:
    """Return whether a reply of PostgreSQL took longer than this process waits (`storage.engines.patience`)."""
    cause = error.__cause__
    return isinstance(cause, DBAPIError) and isinstance(cause.orig, AnswerTimeout)
