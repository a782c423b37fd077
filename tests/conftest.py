"""Real servers for the tests: an embedded PostgreSQL and Valkey for the session, or those that the environment names.

What a test gets is its own and empty: `database_url` (and `storage`, `settings`) once on each kind of database, made
from a migrated template; `redis_url` a Redis database without keys. `DATABASE_URL` names a PostgreSQL server on which
databases may be created (they are dropped again); `REDIS_URL` a Redis database that nobody else uses: it must be empty.
"""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import hypothesis
import psutil
import pytest
import redis
from pydantic import SecretStr
from sqlalchemy import create_engine

from flowledger import migrations
from flowledger.cli.embedded import embedded_valkey_server
from flowledger.cli.leftovers import leave_nothing_running
from flowledger.domain.settings import Settings
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.unit_of_work import Storage
from tests.compiled_once import compile_once
from tests.lasting import keys_left
from tests.long_first import long_first
from tests.postgresql import PostgresqlServer, running_postgresql

_GIVEN_REDIS_URL: Final = os.environ.get("REDIS_URL", "")

_MEMORY: Final = Path("/dev/shm")
_FOLDERS: Final = "flowledger-tests-"
_ROOM: Final = 2 * 2**30
"""Bytes that all databases of a run may need."""

# Servers answer when they answer: no deadline. A fixture's database serves all examples of a test, which empty it.
hypothesis.settings.register_profile(
    "flowledger",
    deadline=None,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture, hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("flowledger")


def pytest_configure() -> None:
    """A run that is ended from outside (`timeout`, CI, `kill -9`) leaves no servers, as one that is interrupted."""
    leave_nothing_running()


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


@pytest.fixture(scope="session")
def quick_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in memory, where the machine has one with room: flushes cost nothing there, and other work on the disk
    does not matter."""
    if not _MEMORY.is_dir() or shutil.disk_usage(_MEMORY).free < _ROOM:
        yield tmp_path_factory.mktemp("servers")
        return
    _remove_folders_of_the_dead()
    folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDERS}{os.getpid()}-", dir=_MEMORY))
    yield folder
    shutil.rmtree(folder)


def _remove_folders_of_the_dead() -> None:
    """Those of runs that were killed."""
    for folder in _MEMORY.glob(f"{_FOLDERS}*"):
        pid = folder.name.removeprefix(_FOLDERS).partition("-")[0]
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_server(quick_folder: Path) -> Iterator[PostgresqlServer]:
    """The session's PostgreSQL, with a migrated template."""
    with running_postgresql(quick_folder / "postgresql") as url:
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
