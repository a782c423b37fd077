"""Real servers for the tests: an embedded PostgreSQL and Valkey for the session, or those that the environment names.

What a test gets is its own and empty: `database_url` (and `storage`, `settings`) once on each kind of database, made
from a migrated template; `redis_url` a Redis database without keys. `DATABASE_URL` names a PostgreSQL server on which
databases may be created (they are dropped again); `REDIS_URL` a Redis database that nobody else uses: it must be empty.
"""

from __future__ import annotations

import gc
import itertools
import os
import shutil
import tempfile
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import hypothesis
import pytest
import redis
from pydantic import SecretStr
from sqlalchemy import URL, Engine, create_engine, make_url, text

from flowledger import migrations
from flowledger.cli.embedded import embedded_postgres_server, embedded_valkey_server, stop_when_ended
from flowledger.domain.settings import Settings
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.unit_of_work import Storage
from tests.compiled_once import compile_once
from tests.lasting import keys_left
from tests.long_first import long_first

_GIVEN_DATABASE_URL: Final = os.environ.get("DATABASE_URL", "")
_GIVEN_REDIS_URL: Final = os.environ.get("REDIS_URL", "")

_MEMORY: Final = Path("/dev/shm")
_ROOM: Final = 2 * 2**30
"""Bytes that all databases of a run may need."""
_KEPT_DATABASES: Final = 4

# Servers answer when they answer: no deadline. A fixture's database serves all examples of a test, which empty it.
hypothesis.settings.register_profile(
    "flowledger",
    deadline=None,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture, hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("flowledger")


def pytest_configure() -> None:
    """A run that is ended from outside (`timeout`, CI) stops its servers, as one that is interrupted does."""
    stop_when_ended()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """Thousands of tests are collected, and stay: the collector of garbage need not walk through them."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each process of a run begin with its share of the long tests."""
    items[:] = long_first(items, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


def pytest_xdist_auto_num_workers() -> int:
    """Processes of a run, each with servers of its own; a given Redis database is for one alone.

    Two more than there are cores: a third of the time of a run is waiting for processes to start and to end.
    """
    return 1 if _GIVEN_REDIS_URL else min((os.cpu_count() or 1) + 2, 4)


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside() -> Iterator[None]:
    """The settings of the machine the tests run on are none of the tests' business."""
    with pytest.MonkeyPatch.context() as environment:
        for name in list(os.environ):
            if name.startswith("LEDGER_") or name in ("DATABASE_URL", "REDIS_URL"):
                environment.delenv(name)
        yield


@pytest.fixture(scope="session", autouse=True)
def _compiled_once() -> Iterator[None]:
    """Otherwise a tenth of the time of storage's tests goes into compiling the same statements again."""
    with pytest.MonkeyPatch.context() as patch:
        compile_once(patch)
        yield


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


@pytest.fixture(scope="session")
def quick_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in memory, where the machine has one with room: flushes cost nothing there, and other work on the disk
    does not matter."""
    if not _MEMORY.is_dir() or shutil.disk_usage(_MEMORY).free < _ROOM:
        yield tmp_path_factory.mktemp("servers")
        return
    folder = Path(tempfile.mkdtemp(prefix="flowledger-tests-", dir=_MEMORY))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgresql_server(quick_folder: Path) -> Iterator[PostgresqlServer]:
    """The session's PostgreSQL, with a migrated template."""
    with _postgresql_url(quick_folder / "postgresql") as url:
        admin = create_engine(url, isolation_level="AUTOCOMMIT")
        server = PostgresqlServer(url, admin)
        server.create(server.template, "template0")
        try:
            _migrate(server.url_of(server.template))
            yield server
        finally:
            server.close()
            admin.dispose()


@pytest.fixture
def postgresql_url(postgresql_server: PostgresqlServer) -> Iterator[str]:
    """A migrated, empty database on PostgreSQL."""
    with postgresql_server.database() as url:
        yield url


@pytest.fixture(scope="session")
def sqlite_template(quick_folder: Path) -> Path:
    """A migrated, empty SQLite file."""
    file = quick_folder / "template.db"
    _migrate(f"sqlite:///{file}")
    return file


@pytest.fixture
def sqlite_url(sqlite_template: Path) -> Iterator[str]:
    """A migrated, empty database on SQLite."""
    with _sqlite_database(sqlite_template) as url:
        yield url


@pytest.fixture(params=["postgresql", "sqlite"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated, empty database: the test runs once on each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(scope="module", params=["postgresql", "sqlite"])
def common_storage(request: pytest.FixtureRequest) -> Iterator[Storage]:
    """A database of each kind for all tests of a module: for those that read what a fixture of the module wrote."""
    if request.param == "postgresql":
        database = request.getfixturevalue("postgresql_server").database()
    else:
        database = _sqlite_database(request.getfixturevalue("sqlite_template"))
    with database as url, Storage(make_engine(settings_for(url))) as opened:
        yield opened


@pytest.fixture
def storage(database_url: str) -> Iterator[Storage]:
    """The same, as Flowledger sees it."""
    with Storage(make_engine(settings_for(database_url))) as opened:
        yield opened


@pytest.fixture
def postgresql_storage(postgresql_url: str) -> Iterator[Storage]:
    """For what only PostgreSQL does."""
    with Storage(make_engine(settings_for(postgresql_url))) as opened:
        yield opened


@pytest.fixture
def settings(database_url: str, redis_url: str, tmp_path: Path) -> Settings:
    """Settings that name an empty database (once of each kind), an empty Redis and a folder of the test's own."""
    return settings_for(database_url, redis_url, home=tmp_path / "home")


@pytest.fixture(scope="session")
def redis_server_url(quick_folder: Path) -> Iterator[str]:
    """The session's Redis database; use `redis_url`, which is empty."""
    if not _GIVEN_REDIS_URL:
        with embedded_valkey_server(quick_folder / "valkey") as server:
            yield server.url
        return
    with closing(redis.Redis.from_url(_GIVEN_REDIS_URL)) as client:
        if client.dbsize():
            pytest.exit(
                f"REDIS_URL names a database that has {client.dbsize()} keys; the tests empty it: name another", 4
            )
    yield _GIVEN_REDIS_URL


@pytest.fixture
def redis_url(redis_server_url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A Redis database without keys. A test that leaves a key that neither expires nor is known to last fails.

    `@pytest.mark.leaves("a key", …)` names keys that the test itself puts there, or makes last.
    """
    yield redis_server_url
    with closing(redis.Redis.from_url(redis_server_url)) as client:
        left = keys_left(client)
        client.flushdb()
    marks = request.node.iter_markers("leaves")
    assert left - {key for mark in marks for key in mark.args} == set(), "keys that should expire (see streams.LASTING)"


def settings_for(
    database_url: str | None = None, redis_url: str | None = None, *, home: Path | None = None
) -> Settings:
    """Settings that name these servers."""
    urls = {"database_url": database_url, "redis_url": redis_url}
    given = {name: SecretStr(url) for name, url in urls.items() if url is not None}
    return Settings.load(**given) if home is None else Settings.load(**given, home=home)


@contextmanager
def _postgresql_url(folder: Path) -> Iterator[URL]:
    """The given server, or an embedded one; its data need not outlive a power cut, so it does not wait for the disk."""
    if _GIVEN_DATABASE_URL.startswith("postgres"):
        yield make_url(_GIVEN_DATABASE_URL).set(drivername="postgresql+psycopg2")
        return
    with embedded_postgres_server(folder / "data") as server:
        url = make_url(server.url).set(drivername="postgresql+psycopg2")
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("ALTER SYSTEM SET fsync TO off"))
            connection.execute(text("SELECT pg_reload_conf()"))
        engine.dispose()
        yield url


@contextmanager
def _sqlite_database(template: Path) -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(dir=template.parent))
    file = folder / "ledger.db"
    shutil.copyfile(template, file)
    yield f"sqlite:///{file}"
    shutil.rmtree(folder)


def _migrate(url: str) -> None:
    engine = make_engine(settings_for(url))
    try:
        migrations.upgrade(engine)
    finally:
        engine.dispose()
