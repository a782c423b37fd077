"""The PostgreSQL of a run of tests, and the databases that they make on it."""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Engine, create_engine, make_url, text

from flowledger.cli.embedded import embedded_postgres_server

_GIVEN_URL: Final = os.environ.get("DATABASE_URL", "")
_KEPT_DATABASES: Final = 4


@dataclass
class PostgresqlServer:
    """A server on which the tests make databases: `template` is migrated and empty, the others are its copies."""

    url: URL
    admin: Engine
    prefix: str = field(default_factory=lambda: f"flowledger_test_{os.getpid()}_{os.urandom(3).hex()}")
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _left: deque[str] = field(default_factory=deque)

    @property
    def template(self) -> str:
        return f"{self.prefix}_template"

    def url_of(self, database: str) -> str:
        return self.url.set(database=database).render_as_string(hide_password=False)

    @contextmanager
    def database(self, *, empty: bool = False) -> Iterator[str]:
        """The URL of a new database, migrated (or, where `empty`, without any table); dropped some databases later.

        DROP DATABASE waits for a tenth of a second if a session is just ending, as those of a test are.
        """
        name = f"{self.prefix}_{next(self._numbers)}"
        self.create(name, "template0" if empty else self.template)
        try:
            yield self.url_of(name)
        finally:
            self._left.append(name)
            self._drop_all_but(_KEPT_DATABASES)

    def create(self, name: str, template: str) -> None:
        """Copy a database. Its files are copied as such: with nothing to flush, that takes half the time."""
        self._do(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')

    def close(self) -> None:
        """Drop what was made."""
        self._drop_all_but(0)
        self.drop(self.template)

    def _drop_all_but(self, newest: int) -> None:
        while len(self._left) > newest:
            self.drop(self._left.popleft())

    def drop(self, name: str) -> None:
        self._do(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _do(self, statement: str) -> None:
        with self.admin.connect() as connection:
            connection.execute(text(statement))


@contextmanager
def running_postgresql(folder: Path) -> Iterator[URL]:
    """The address of the given server, or of an embedded one.

    Its data need not outlive a power cut, so it does not wait for the disk.
    """
    if _GIVEN_URL.startswith("postgres"):
        yield make_url(_GIVEN_URL).set(drivername="postgresql+psycopg2")
        return
    with embedded_postgres_server(folder / "data") as server:
        url = make_url(server.url).set(drivername="postgresql+psycopg2")
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("ALTER SYSTEM SET fsync TO off"))
            connection.execute(text("SELECT pg_reload_conf()"))
        engine.dispose()
        yield url
