"""Engines for asyncio: PostgreSQL through asyncpg, SQLite through aiosqlite (the extra `async`).

DATABASE_URL is read as for all processes (`storage.engines.address`), and sessions are set up and refused as in
`storage.engines.session`: the first one of an engine is tried with psycopg2, in a thread, so that each check is written
once. asyncpg then gets the parameters of libpq that it has as well; the others are refused.
"""

from __future__ import annotations

import asyncio
import sqlite3
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import urlencode

import asyncpg
import psycopg2
from psycopg2 import extensions
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from flowledger.domain.errors import DatabaseUnavailable, SettingsError
from flowledger.domain.settings import Settings
from flowledger.storage.engines.address import DatabaseAddress, connect_arguments
from flowledger.storage.engines.askable import make_askable
from flowledger.storage.engines.engine import engine_options, set_up_sqlite, words
from flowledger.storage.engines.session import SessionSetUp, check_encoding, check_version, settings_of_session

_SAME: Final = frozenset({
    "host", "port", "user", "dbname", "passfile", "service", "sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl",
    "sslpassword", "sslnegotiation", "ssl_min_protocol_version", "ssl_max_protocol_version", "target_session_attrs",
    "krbsrvname", "gsslib",
})  # fmt: skip
"""Parameters of libpq that asyncpg reads from a URL in the same way."""
_REPLACED: Final = frozenset({
    "password", "connect_timeout", "application_name", "fallback_application_name", "options", "client_encoding",
    "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
})  # fmt: skip
"""Parameters that are passed in another way; instead of the last five, each statement has a timeout."""


def make_async_engine(settings: Settings) -> AsyncEngine:
    """Return an engine for `settings.database_url`, for one event loop.

    Raises SettingsError if the URL is missing or cannot be used. Its connections
    raise DatabaseUnavailable if the server is unreachable, and DatabaseUnfit as those of `make_engine`.
    """
    address = DatabaseAddress.of(settings)
    options = engine_options(settings, address)
    if address.is_postgresql:
        connector = _Connector(address, settings)
        engine = create_async_engine("postgresql+asyncpg://", **options, async_creator=connector)
        make_askable(engine.sync_engine)
        return engine
    engine = create_async_engine(address.url.set(drivername="sqlite+aiosqlite"), **options)
    event.listen(engine.sync_engine, "do_connect", _open_file)
    set_up_sqlite(engine.sync_engine)
    make_askable(engine.sync_engine)
    return engine


def _open_file(_dialect: object, _record: object, arguments: list[Any], options: dict[str, Any]) -> None:
    """Raise sqlite3's error if the file cannot be opened; of aiosqlite it leaves a thread that outlives the loop."""
    sqlite3.connect(*arguments, **options).close()


class _Connector:
    """Makes connections with PostgreSQL that are set up."""

    def __init__(self, address: DatabaseAddress, settings: Settings) -> None:
        self._address = address
        self._arguments = _asyncpg_arguments(address) | {"command_timeout": settings.answer_timeout_seconds}
        self._settings = settings_of_session(address.session)
        self._checking = asyncio.Lock()
        self._is_checked = False

    async def __call__(self) -> Any:
        """Return a new connection. Raises DatabaseUnavailable, and DatabaseUnfit if it would read wrong rows."""
        try:
            async with self._checking:
                if not self._is_checked:
                    await asyncio.to_thread(_check, self._address)
                    self._is_checked = True
            connection = await asyncpg.connect(**self._arguments)
            try:
                await self._set_up(connection)
            except BaseException:
                connection.terminate()
                raise
            return connection
        except (OSError, psycopg2.Error, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise DatabaseUnavailable(words(error)) from error

    async def _set_up(self, connection: Any) -> None:
        places = range(1, 2 * len(self._settings), 2)
        calls = ", ".join(f"set_config(${place}, ${place + 1}, false)" for place in places)
        texts = [text for setting in self._settings.items() for text in setting]
        row = await connection.fetchrow(
            f"SELECT current_setting('server_version_num')::int, current_setting('server_version'),"
            f" current_setting('server_encoding'), {calls}",
            *texts,
        )
        check_version(row[0], row[1])
        check_encoding(row[2])


def _check(address: DatabaseAddress) -> None:
    """Make a session as workers do, and end it."""

    def connect(**more: Any) -> Any:
        return psycopg2.connect(**connect_arguments(address), **more)

    driver = connect()
    SessionSetUp(address.session, connect)(driver, SimpleNamespace(info={}))
    driver.close()


def _asyncpg_arguments(address: DatabaseAddress) -> dict[str, Any]:
    """Return the arguments of `asyncpg.connect`. Raises SettingsError for a parameter that it does not have."""
    parameters = extensions.parse_dsn(extensions.make_dsn(**connect_arguments(address)))
    unknown = next(iter(parameters.keys() - _SAME - _REPLACED), None)
    if unknown is not None:
        raise SettingsError(f"DATABASE_URL: with asyncio, the parameter {unknown} has no effect; omit it")
    name = parameters.get("application_name", parameters.get("fallback_application_name"))
    timeout = float(parameters.get("connect_timeout", 0))
    return {
        "dsn": f"postgresql://?{urlencode({name: parameters[name] for name in sorted(parameters.keys() & _SAME)})}",
        "password": parameters.get("password"),
        "server_settings": {"application_name": name} if name else {},
        "timeout": timeout or None,
    }
