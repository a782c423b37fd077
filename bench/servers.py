"""The servers of a run: one PostgreSQL and one Valkey for all contenders, each of which has its own database."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from sqlalchemy import Engine, create_engine, make_url, text

from flowledger import migrations
from flowledger.cli.embedded import EmbeddedPostgres, embedded_postgres_server, embedded_valkey_server
from flowledger.cli.leftovers import leave_nothing_running


@dataclass(frozen=True, slots=True)
class Servers:
    """The addresses of the servers, and their processes. Contenders use them one after the other."""

    database_url: str
    redis_url: str
    folder: Path
    postgresql_pid: int
    redis_pid: int

    def engine(self) -> Engine:
        return create_engine(make_url(self.database_url).set(drivername="postgresql+psycopg2"))

    def on_new_database(self, name: str) -> Self:
        """Create an empty database. Return the same servers with its address."""
        run(self.engine(), f"CREATE DATABASE {name} TEMPLATE template0")
        url = make_url(self.database_url).set(database=name).render_as_string(hide_password=False)
        return replace(self, database_url=url)


@contextmanager
def running_servers() -> Iterator[Servers]:
    """Yield a database with the schema, and a broker, which run during the `with`."""
    leave_nothing_running()
    with (
        tempfile.TemporaryDirectory(prefix="flowledger-bench-") as folder,
        embedded_postgres_server(Path(folder) / "postgresql") as postgres,
        embedded_valkey_server(Path(folder) / "valkey") as valkey,
    ):
        _keep_commit_times(postgres)
        servers = Servers(postgres.url, valkey.url, Path(folder), postgres.pid, valkey.pid)
        _recycle_wal(servers.engine())
        migrate(servers)
        yield servers


def migrate(servers: Servers) -> None:
    """Make Flowledger's tables."""
    engine = servers.engine()
    migrations.upgrade(engine)
    engine.dispose()


def run(engine: Engine, *statements: str) -> None:
    """Run statements outside of a transaction, then close the engine's connections."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def _keep_commit_times(postgres: EmbeddedPostgres) -> None:
    """Restart the server with the setting by which it knows when each transaction was committed."""
    run(
        create_engine(make_url(postgres.url).set(drivername="postgresql+psycopg2")),
        "ALTER SYSTEM SET track_commit_timestamp TO on",
    )
    postgres.stop()
    postgres.start()


def _recycle_wal(engine: Engine) -> None:
    """Let the server have segments of its write-ahead log that it can use again, as one has that has run for a while.

    A new one is filled with zeros while everybody waits. Measured at 2,000 events/s: some 100 ms every four seconds.
    """
    run(
        engine,
        "ALTER SYSTEM SET min_wal_size TO '512MB'",
        "SELECT pg_reload_conf()",
        "CREATE TABLE written AS SELECT repeat(md5(number::text), 30) FROM generate_series(1, 500000) number",
        "DROP TABLE written",
        "CHECKPOINT",
    )
