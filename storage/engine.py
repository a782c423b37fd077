"""The connection pool, as the platforms set it: 20 + 40 connections, 30 s time-out, recycled hourly, pre-pinged."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from domain import json_text
from domain.errors import SettingsError
from domain.settings import Settings

APPLICATION_NAME = "flowledger"
BEGIN_IMMEDIATE = "flowledger_begin_immediate"
"""An execution option: on SQLite, take the lock for writing at once, so that what was read stands until the end."""


def make_engine(settings: Settings) -> Engine:
    """An engine for `settings.database_url`: PostgreSQL through psycopg2, or SQLite.

    Raises SettingsError where the URL is missing or names another database.
    """
    if settings.database_url is None:
        raise SettingsError("no database: set DATABASE_URL, or start `flowledger up`")
    try:
        url = make_url(settings.database_url.get_secret_value())
    except ArgumentError:
        raise SettingsError(
            "DATABASE_URL is not a URL like postgresql://user@host/database or sqlite:///file"
        ) from None
    if url.drivername in ("postgres", "postgresql", "postgresql+psycopg2"):
        return create_engine(
            url.set(drivername="postgresql+psycopg2"),
            pool_size=settings.pool_size,
            max_overflow=settings.pool_max_overflow,
            pool_timeout=settings.pool_timeout_seconds,
            pool_recycle=settings.pool_recycle_seconds,
            pool_pre_ping=True,
            json_deserializer=json_text.stored,
            json_serializer=json_text.dumps,
            connect_args={
                "application_name": APPLICATION_NAME,
                # A session whose client has given up must not wait on for a lock.
                "options": "-c timezone=UTC -c client_connection_check_interval=10s",
                "connect_timeout": settings.connect_timeout_seconds,
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "tcp_user_timeout": 20_000,
            },
        )
    if url.drivername in ("sqlite", "sqlite+pysqlite"):
        engine = create_engine(
            url,
            pool_size=settings.pool_size,
            max_overflow=settings.pool_max_overflow,
            pool_timeout=settings.pool_timeout_seconds,
            connect_args={"timeout": settings.pool_timeout_seconds},
        )
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    raise SettingsError(f"DATABASE_URL names {url.drivername}; Flowledger keeps its records in postgresql or sqlite")


def _set_up_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the transactions are ours to begin, not sqlite3's to guess
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")


def _begin_sqlite(connection: Any) -> None:
    immediate = connection.get_execution_options().get(BEGIN_IMMEDIATE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def words(error: Exception) -> str:
    """What the database said, without the statement and its values."""
    if isinstance(error, PoolTimeout):
        return "no connection became free in time"
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
