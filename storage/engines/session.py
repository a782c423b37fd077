"""The settings of each session with PostgreSQL, and the checks of it, on any path to the server.

Nothing is set in the startup packet: a pooler refuses or drops that. So settings are made once connected, and the
server's reply is checked. If the session would make wrong rows, it is closed with DatabaseUnfit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import psycopg2

from flowledger.domain.errors import DatabaseUnfit
from flowledger.storage.engines.pooler import shares_by_transaction

OLDEST_POSTGRESQL: Final = 140000
"""`client_connection_check_interval` and `idle_session_timeout` are new in 14; tested with 15 and 18."""

REQUIRED: Final = {
    "timezone": "UTC",  # times are written without their zone
    "datestyle": "ISO, MDY",
    "extra_float_digits": "1",
    "transform_null_equals": "off",
    "default_transaction_isolation": "read committed",
    "row_security": "off",  # then rows that a policy hides are an error, not missing
    "client_connection_check_interval": "10s",  # a session whose client has given up must not wait for a lock
}
"""Settings that the rows depend on; they override those of DATABASE_URL, PGOPTIONS, the role and the database."""

_LEFT: Final = frozenset({"client_encoding", "standard_conforming_strings"})
"""Never set from `options`: psycopg2 writes its texts by the values that these had when it connected."""
_SHARED: Final = (
    "DATABASE_URL goes through a pooler that shares connections by transaction or statement; Flowledger needs them by "
    "session: set pool_mode = session for it in PgBouncer, or name the server itself"
)


class SessionSetUp:
    """Sets up each new connection of an engine; `connect` makes one more, `asked` are the user's settings."""

    def __init__(self, asked: Mapping[str, str], connect: Callable[..., Any]) -> None:
        self._settings = settings_of_session(asked)
        self._connect = connect
        self._is_by_session = False

    def __call__(self, driver: Any, record: Any) -> None:
        """Set up a new connection, as a listener of the pool's `connect`.

        Raises DatabaseUnfit, or psycopg2's errors if the server is unreachable.
        """
        try:
            check_version(driver.server_version, driver.info.parameter_status("server_version"))
            driver.autocommit = True
            driver.set_client_encoding("UTF8")
            with driver.cursor() as cursor:
                self._set_up(cursor, driver, record.info)
            driver.autocommit = False
        except BaseException:
            driver.close()
            raise

    def _set_up(self, cursor: Any, driver: Any, info: dict[str, Any]) -> None:
        calls = ", ".join("set_config(%s, %s, false)" for _ in self._settings)
        words = [word for setting in self._settings.items() for word in setting]
        try:
            cursor.execute(f"SELECT {calls}", words)
        except (psycopg2.DataError, psycopg2.ProgrammingError, psycopg2.NotSupportedError) as error:
            raise DatabaseUnfit(
                f"a session cannot be set up (options in DATABASE_URL?): {str(error).splitlines()[0]}"
            ) from error
        cursor.execute(
            "SELECT pg_backend_pid(), current_setting('server_encoding'), current_setting('synchronous_commit')"
        )
        pid, encoding, commit = cursor.fetchone()
        check_encoding(encoding)
        # A pooler gives its client another process id than the server's.
        if not self._is_by_session and pid != driver.info.backend_pid:
            if shares_by_transaction(driver, pid, self._connect):
                raise DatabaseUnfit(_SHARED)
            self._is_by_session = True
        # `off` would acknowledge entries that are not on a disk yet; the other values are the user's choice.
        info["synchronous_commit"] = "on" if commit == "off" else commit
        cursor.execute("SELECT set_config('synchronous_commit', %s, false)", (info["synchronous_commit"],))


def settings_of_session(asked: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of a session: those that the user asked for, and those that the rows depend on."""
    left = {name: value for name, value in asked.items() if name.lower() not in _LEFT | REQUIRED.keys()}
    return left | REQUIRED


def check_version(number: int, words: str) -> None:
    """Raise DatabaseUnfit if the server is too old; `number` is in the form of `server_version_num`."""
    if number < OLDEST_POSTGRESQL:
        raise DatabaseUnfit(f"PostgreSQL {words} is too old; Flowledger needs 14 or newer")


def check_encoding(encoding: str) -> None:
    """Raise DatabaseUnfit if a database of this encoding cannot hold every text."""
    if encoding != "UTF8":
        raise DatabaseUnfit(
            f"the database has the encoding {encoding}, which cannot hold every text; make one with "
            "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0, and name it in DATABASE_URL"
        )
