"""The settings that are tried, one entry each: what it is, how it comes about, and what the service is to do."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

from psycopg2 import sql

from tests.surroundings.ground import Ground, administering, changed, fresh_database, user_of


class Wanted(StrEnum):
    """What a setting must lead to; `said` is a word that has to be in the refusal, or in the checks of `status`."""

    ROWS = "right rows"
    TOLD = "right rows, and status says so"
    REFUSED = "refused"


class Setting(NamedTuple):
    area: str
    name: str
    change: Callable[[Ground, Path], contextlib.AbstractContextManager[Ground]]
    wanted: Wanted = Wanted.ROWS
    said: str = ""


Way = Callable[[Ground, Path], contextlib.AbstractContextManager[Ground]]
ROWS, TOLD, REFUSED = Wanted.ROWS, Wanted.TOLD, Wanted.REFUSED


def _database(then: Callable[[Ground], Ground] = lambda ground: ground, *, options: str = "", sql: str = "") -> Way:
    """A database of its own; `sql` is done to it as its superuser, with `{me}` for its role and its name."""

    @contextlib.contextmanager
    def change(ground: Ground, _folder: Path) -> Iterator[Ground]:
        with fresh_database(ground, options) as fresh:
            do(fresh, sql)
            yield then(fresh)

    return change


def do(ground: Ground, statements: str) -> None:
    with administering(ground.direct_url) as cursor:
        for statement in filter(None, statements.split(";")):
            cursor.execute(sql.SQL(statement).format(me=user_of(ground)))


def _role(name: str, value: str) -> Way:
    return _database(sql=f"ALTER ROLE {{me}} SET {name} TO {value}")


def _options(options: str, statements: str = "", schema: str = "") -> Way:
    """`options` in the URL; what is in another schema is read from there."""

    def then(ground: Ground) -> Ground:
        direct = changed(ground.direct_url, query={"options": f"-csearch_path={schema}"} if schema else {})
        return ground.with_parameter(options=options).at(direct_url=direct)

    return _database(then, sql=statements)


def _variable(name: str, value: str, statements: str = "", schema: str = "") -> Way:
    def then(ground: Ground) -> Ground:
        direct = changed(ground.direct_url, query={"options": f"-csearch_path={schema}"} if schema else {})
        return ground.with_variable(name, value).at(direct_url=direct)

    return _database(then, sql=statements)


def _server(name: str, value: str) -> Way:
    @contextlib.contextmanager
    def change(ground: Ground, _folder: Path) -> Iterator[Ground]:
        with _server_set(ground, name, value) as fresh:
            yield fresh

    return change


@contextlib.contextmanager
def _server_set(ground: Ground, name: str, value: str) -> Iterator[Ground]:
    with fresh_database(ground) as fresh:
        do(fresh, f"ALTER SYSTEM SET {name} TO {value}; SELECT pg_reload_conf()")
        try:
            yield fresh
        finally:
            do(fresh, f"ALTER SYSTEM RESET {name}; SELECT pg_reload_conf()")


_FLOW: Final = "CREATE SCHEMA flow AUTHORIZATION {me}"

POSTGRESQL: Final = (
    Setting("PostgreSQL", "a database of one's own, nothing set", _database()),
    *(
        Setting("PostgreSQL", f"ALTER ROLE … SET {name} TO {value}", _role(name, value))
        for name, value in (
            ("timezone", "'Asia/Kathmandu'"),
            ("datestyle", "'SQL, DMY'"),
            ("intervalstyle", "iso_8601"),
            ("bytea_output", "escape"),
            ("standard_conforming_strings", "off"),
            ("backslash_quote", "on"),
            ("extra_float_digits", "-15"),
            ("client_encoding", "'LATIN1'"),
            ("client_encoding", "'SQL_ASCII'"),
            ("synchronous_commit", "off"),
            ("synchronous_commit", "local"),
            ("default_transaction_isolation", "'serializable'"),
            ("statement_timeout", "'3s'"),
            ("lock_timeout", "'1s'"),
            ("idle_in_transaction_session_timeout", "'1s'"),
            ("idle_session_timeout", "'1s'"),
            ("transaction_timeout", "'5s'"),
            ("row_security", "on"),
            ("xmloption", "document"),
            ("client_min_messages", "debug1"),
            ("transform_null_equals", "on"),
            ("array_nulls", "off"),
            ("exit_on_error", "on"),
            ("plan_cache_mode", "force_custom_plan"),
        )
    ),
    Setting(
        "PostgreSQL",
        "ALTER DATABASE … SET timezone TO 'America/St_Johns'",
        _database(sql="ALTER DATABASE {me} SET timezone TO 'America/St_Johns'"),
    ),
    Setting(
        "PostgreSQL",
        "ALTER ROLE … SET search_path TO flow",
        _database(
            lambda ground: ground.at(direct_url=changed(ground.direct_url, query={"options": "-csearch_path=flow"})),
            sql=f"{_FLOW}; ALTER ROLE {{me}} SET search_path TO flow",
        ),
    ),
    Setting(
        "PostgreSQL",
        "ALTER ROLE … SET default_transaction_read_only TO on",
        _role("default_transaction_read_only", "on"),
        REFUSED,
        "transaction_read_only",
    ),
    Setting(
        "PostgreSQL",
        "ALTER ROLE … SET session_replication_role TO replica",
        _role("session_replication_role", "replica"),
        TOLD,
        "session_replication_role",
    ),
    Setting(
        "PostgreSQL",
        "encoding SQL_ASCII",
        _database(options="ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"),
        REFUSED,
        "encoding SQL_ASCII",
    ),
    Setting(
        "PostgreSQL",
        "encoding LATIN1",
        _database(options="ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"),
        REFUSED,
        "encoding LATIN1",
    ),
    Setting("PostgreSQL", "locale C", _database(options="ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'")),
    Setting("PostgreSQL", "fsync = off", _server("fsync", "off"), TOLD, "fsync"),
    Setting("PostgreSQL", "full_page_writes = off", _server("full_page_writes", "off"), TOLD, "full_page_writes"),
    Setting("PostgreSQL", "synchronous_commit = off for the server", _server("synchronous_commit", "off")),
)

URLS: Final = (
    Setting("DATABASE_URL", "?options=-csearch_path=flow", _options("-csearch_path=flow", _FLOW, "flow")),
    Setting(
        "DATABASE_URL",
        "?options=--search-path=flow -c timezone=Asia/Tokyo",
        _options("--search-path=flow -c timezone=Asia/Tokyo", _FLOW, "flow"),
    ),
    Setting(
        "DATABASE_URL", "?options=-cstandard_conforming_strings=off", _options("-cstandard_conforming_strings=off")
    ),
    Setting(
        "DATABASE_URL", "?options=-cno_such_setting=1", _options("-cno_such_setting=1"), REFUSED, "no_such_setting"
    ),
    Setting("DATABASE_URL", "?options=-d5", _options("-d5"), REFUSED, "options"),
    Setting(
        "DATABASE_URL",
        "?application_name=mine",
        _database(lambda ground: ground.with_parameter(application_name="mine")),
    ),
    Setting(
        "DATABASE_URL",
        "?client_encoding=latin1",
        _database(lambda ground: ground.with_parameter(client_encoding="latin1")),
    ),
    Setting(
        "DATABASE_URL",
        "?connect_timeout=3&keepalives=0",
        _database(lambda ground: ground.with_parameter(connect_timeout="3", keepalives="0")),
    ),
    Setting(
        "DATABASE_URL",
        "?no_such_parameter=1",
        _database(lambda ground: ground.with_parameter(no_such_parameter="1")),
        REFUSED,
        "no_such_parameter",
    ),
    Setting(
        "DATABASE_URL", "PGOPTIONS=-csearch_path=flow", _variable("PGOPTIONS", "-csearch_path=flow", _FLOW, "flow")
    ),
    Setting("DATABASE_URL", "PGTZ=Asia/Tokyo", _variable("PGTZ", "Asia/Tokyo")),
    Setting("DATABASE_URL", "PGCLIENTENCODING=LATIN1", _variable("PGCLIENTENCODING", "LATIN1")),
    Setting("DATABASE_URL", "PGDATESTYLE=German", _variable("PGDATESTYLE", "German")),
)
