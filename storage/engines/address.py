"""DATABASE_URL, read the same way by every process: each of its options is applied, or refused in one line.

postgresql://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE[?NAME=VALUE&…]     the parameters of libpq, `options` among them
sqlite:////absolute/path/ledger.db
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import psycopg2
from psycopg2 import extensions
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from flowledger.domain.errors import SettingsError
from flowledger.domain.json_text import is_plain
from flowledger.domain.settings import Settings

APPLICATION_NAME: Final = "flowledger"
"""The name of our sessions in `pg_stat_activity`, unless the URL or PGAPPNAME has another `application_name`."""

_POSTGRESQL: Final = ("postgres", "postgresql", "postgresql+psycopg2")
_SQLITE: Final = ("sqlite", "sqlite+pysqlite")
_NAME: Final = re.compile(r"[A-Za-z_]{1,60}", re.ASCII)
_ESCAPE: Final = "write @ / ? # and % in a name or password as %40 %2F %3F %23 and %25"


class DatabaseAddress(NamedTuple):
    """`url` for SQLAlchemy; for PostgreSQL also the other parameters of libpq, and the settings of each session."""

    url: URL
    parameters: Mapping[str, Any] = {}
    session: Mapping[str, str] = {}

    @property
    def is_postgresql(self) -> bool:
        return self.url.drivername == _POSTGRESQL[-1]

    @classmethod
    def of(cls, settings: Settings) -> DatabaseAddress:
        """Return the address that the settings name. Raises SettingsError, which never shows a password."""
        if settings.database_url is None:
            raise SettingsError("no database: set DATABASE_URL, or start `flowledger up`")
        try:
            url = make_url(settings.database_url.get_secret_value().strip())
        except (ArgumentError, ValueError):
            raise _error(f"not a URL like postgresql://user@host/database or sqlite:////file; {_ESCAPE}") from None
        if url.drivername in _POSTGRESQL:
            return _postgresql(url.set(drivername=_POSTGRESQL[-1]), settings)
        if url.drivername in _SQLITE:
            return cls(_sqlite(url))
        raise _error(f"it names {url.drivername}; Flowledger keeps its records in postgresql or sqlite")


def _sqlite(url: URL) -> URL:
    if url.query:
        raise _error("SQLite takes no options here")
    if url.host or url.database in (None, "", ":memory:"):
        raise _error("a database in memory keeps nothing; name a file: sqlite:////absolute/path/ledger.db")
    return url


def _postgresql(url: URL, settings: Settings) -> DatabaseAddress:
    for name in url.query:
        if not _NAME.fullmatch(name):
            raise _error(f"it has an unknown parameter; {_ESCAPE}")
    session = dict(_asked(url.query.get("options", settings.pg_options)))
    parameters = {
        "fallback_application_name": APPLICATION_NAME,
        "connect_timeout": settings.connect_timeout_seconds,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
    }
    parameters = {name: value for name, value in parameters.items() if name not in url.query}
    if session:  # they are set in the session instead: PgBouncer refuses or drops those of the startup packet
        parameters["options"] = ""
    address = DatabaseAddress(url, parameters, session)
    arguments = connect_arguments(address)
    if not all(is_plain(str(text)) for text in (*arguments.values(), *session.values())):
        raise _error("it, or PGOPTIONS, is not UTF-8, or has a U+0000")
    try:
        extensions.make_dsn(**arguments)
    except psycopg2.Error as error:
        raise _error(str(error).strip().removeprefix("invalid dsn: ")) from None
    return address


def connect_arguments(address: DatabaseAddress) -> dict[str, Any]:
    """Return the arguments of `psycopg2.connect`."""
    _, arguments = address.url.get_dialect()().create_connect_args(address.url)
    return {**arguments, **address.parameters}


def _asked(options: str | tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield the settings of `-c name=value` and `--name=value`, as the server reads its command line."""
    if isinstance(options, tuple):
        raise _error("it has options twice")
    words = [re.sub(r"\\(.)", r"\1", word) for word in re.findall(r"(?:\\.|[^\s\\])+", options)]
    while words:
        word = words.pop(0)
        setting = word.removeprefix("--") if word.startswith("--") else ""
        if word.startswith("-c"):
            setting = word.removeprefix("-c") or (words.pop(0) if words else "")
        name, equals, value = setting.partition("=")
        if not name or not equals:
            raise _error("of options (and PGOPTIONS), -c NAME=VALUE and --NAME=VALUE are supported")
        yield name.replace("-", "_"), value


def _error(words: str) -> SettingsError:
    return SettingsError(f"DATABASE_URL: {words}")
