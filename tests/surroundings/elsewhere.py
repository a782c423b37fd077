"""More settings of databases: poolers, other servers of PostgreSQL, TLS, SQLite (see `tests.surroundings.settings`)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tests.surroundings import servers
from tests.surroundings.ground import Ground, changed, fresh_database
from tests.surroundings.settings import REFUSED, Setting, Way, do

# --- poolers


def _pooled(*lines: str, sql: str = "", query: dict[str, str] | None = None) -> Way:
    """Before Debian's PostgreSQL: the embedded one listens in a folder that only its own user may enter."""

    @contextlib.contextmanager
    def change(ground: Ground, folder: Path) -> Iterator[Ground]:
        binary = servers.needed(servers.program("pgbouncer"), "PgBouncer")
        with _debian()(ground, folder) as fresh:
            do(fresh, sql)
            with servers.pgbouncer(binary, folder / "pgbouncer", fresh, *lines) as pooled:
                yield pooled.with_parameter(**query) if query else pooled

    return change


_BERLIN: Final = "ALTER DATABASE {me} SET timezone TO 'Europe/Berlin'; ALTER ROLE {me} SET synchronous_commit TO off"
_SHARES: Final = "shares connections by transaction"

POOLERS: Final = (
    Setting("PgBouncer", "pool_mode = session, database in Europe/Berlin", _pooled("pool_mode = session", sql=_BERLIN)),
    Setting(
        "PgBouncer",
        "the same, with ignore_startup_parameters = options",
        _pooled("pool_mode = session", "ignore_startup_parameters = options,extra_float_digits", sql=_BERLIN),
    ),
    Setting(
        "PgBouncer",
        "pool_mode = session, ALTER ROLE … SET search_path, ?options=-ctimezone=…",
        _pooled("pool_mode = session", sql=_BERLIN, query={"options": "-ctimezone=Asia/Tokyo -cwork_mem=1MB"}),
    ),
    Setting("PgBouncer", "pool_mode = transaction", _pooled("pool_mode = transaction"), REFUSED, _SHARES),
    Setting(
        "PgBouncer",
        "pool_mode = transaction, default_pool_size = 1",
        _pooled("pool_mode = transaction", "default_pool_size = 1"),
        REFUSED,
        _SHARES,
    ),
    Setting(
        "PgBouncer",
        "pool_mode = transaction, server_round_robin = 1",
        _pooled("pool_mode = transaction", "server_round_robin = 1"),
        REFUSED,
        _SHARES,
    ),
    Setting("PgBouncer", "pool_mode = statement", _pooled("pool_mode = statement"), REFUSED, _SHARES),
)


# --- other servers of PostgreSQL


def _debian(query: Callable[[dict[str, Path]], dict[str, str]] | None = None) -> Way:
    """Debian's PostgreSQL; with `query`, over TLS."""

    @contextlib.contextmanager
    def change(ground: Ground, folder: Path) -> Iterator[Ground]:
        binaries = servers.needed(servers.debian_postgresql(), "Debian's PostgreSQL")
        settings = {}
        files: dict[str, Path] = {}
        if query is not None:
            files = servers.certificates(folder / "certificates")
            settings = {"ssl": "on", "ssl_cert_file": str(files["cert"]), "ssl_key_file": str(files["key"])}
            servers.give_to_server(files["key"])
        with (
            servers.postgresql_server(binaries, folder / "debian", settings) as url,
            fresh_database(ground.at(direct_url=url)) as fresh,
        ):
            yield fresh.with_parameter(**query(files)) if query is not None else fresh

    return change


@contextlib.contextmanager
def _standby(ground: Ground, folder: Path) -> Iterator[Ground]:
    binaries = servers.needed(servers.debian_postgresql(), "Debian's PostgreSQL")
    with (
        servers.postgresql_server(binaries, folder / "primary", {"wal_level": "replica"}) as primary,
        fresh_database(ground.at(direct_url=primary)) as fresh,
        servers.postgresql_server(binaries, folder / "standby", {"hot_standby": "on"}, base=primary) as url,
    ):
        yield fresh.at(database_url=changed(fresh.database_url, port=int(str(urlsplit(url).port))))


@contextlib.contextmanager
def _without_tls(ground: Ground, folder: Path) -> Iterator[Ground]:
    with _debian()(ground, folder) as fresh:
        yield fresh.with_parameter(sslmode="require")


SERVERS: Final = (
    Setting("PostgreSQL", "Debian's PostgreSQL 15", _debian()),
    Setting("PostgreSQL", "a hot standby", _standby, REFUSED, "standby"),
    Setting("TLS", "PostgreSQL without TLS, ?sslmode=require", _without_tls, REFUSED, "SSL"),
    Setting("TLS", "PostgreSQL, ?sslmode=require", _debian(lambda _: {"sslmode": "require"})),
    Setting(
        "TLS",
        "PostgreSQL, ?sslmode=verify-full&sslrootcert=…",
        _debian(lambda files: {"sslmode": "verify-full", "sslrootcert": str(files["cert"])}),
    ),
    Setting(
        "TLS",
        "PostgreSQL, the certificate of somebody else",
        _debian(lambda files: {"sslmode": "verify-full", "sslrootcert": str(files["other"])}),
        REFUSED,
        "certificate",
    ),
)


# --- SQLite


def _sqlite(url: Callable[[Path], str]) -> Way:
    @contextlib.contextmanager
    def change(ground: Ground, folder: Path) -> Iterator[Ground]:
        yield ground.at(database_url=url(folder), direct_url=url(folder))

    return change


SQLITE: Final = (
    Setting("SQLite", "a file", _sqlite(lambda folder: f"sqlite:///{folder / 'ledger.db'}")),
    Setting("SQLite", "a database in memory", _sqlite(lambda _: "sqlite://"), REFUSED, "in memory"),
    Setting(
        "SQLite",
        "?mode=ro&uri=true",
        _sqlite(lambda folder: f"sqlite:///file:{folder}/l.db?mode=ro&uri=true"),
        REFUSED,
        "options",
    ),
)
