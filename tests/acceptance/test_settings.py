"""What the five reports say of the database as such: pools, health, migrations, start and stop. One test a sentence."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
from alembic import command
from sqlalchemy import insert, inspect, text

from flowledger import migrations
from flowledger.domain.errors import DatabaseUnavailable
from flowledger.domain.settings import Settings
from flowledger.domain.times import now
from flowledger.storage import tables
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.lookups import AgentRepository
from flowledger.storage.unit_of_work import Storage
from tests.acceptance.conftest import MakePlatform
from tests.acceptance.reporting import Platform, known
from tests.cli.calling import Run
from tests.conftest import settings_for
from tests.storage.recording import count
from tests.waiting import wait_until
from tests.workers.conftest import StartWorker

POOLS = {
    "Agent-Flow: Pool 20 + 10, timeout 30 s": (20, 10),
    "Workflow engine: Pool 5 + 10": (5, 10),
    "Agent Lightning: Pool 20 + 40, timeout 30 s": (20, 40),
}
ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def platform(make_platform: MakePlatform) -> Platform:
    return make_platform("/any-platform")


@contextmanager
def opened(url: str, monkeypatch: pytest.MonkeyPatch, **environment: object) -> Iterator[Storage]:
    """The database as a process sees it that is started with this environment."""
    for name, value in environment.items():
        monkeypatch.setenv(name, str(value))
    with Storage(make_engine(settings_for(url))) as storage:
        yield storage


@pytest.mark.parametrize("pool", POOLS)
def test_pool(database_url: str, monkeypatch: pytest.MonkeyPatch, pool: str) -> None:
    """Each sentence of `POOLS`, and Agent Lightning's "pool status": these connections, and no more."""
    size, overflow = POOLS[pool]
    limits = {"LEDGER_POOL_SIZE": size, "LEDGER_POOL_MAX_OVERFLOW": overflow, "LEDGER_POOL_TIMEOUT_SECONDS": 0.1}
    with opened(database_url, monkeypatch, **limits) as storage, ExitStack() as held:
        for _ in range(size + overflow):
            held.enter_context(storage.reading())
        assert f"Pool size: {size}" in storage.engine.pool.status()
        assert f"Current Checked out connections: {size + overflow}" in storage.engine.pool.status()
        with pytest.raises(DatabaseUnavailable, match="no connection became free in time"), storage.reading():
            pass


def test_the_timeouts_that_all_of_them_have() -> None:
    """The reports: "timeout 30 s, recycle 3600 s": nobody need set them."""
    settings = Settings.load()
    assert (settings.pool_timeout_seconds, settings.pool_recycle_seconds) == (30, 3600)


def backend(storage: Storage) -> int:
    with storage.reading() as connection:
        return int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())


@ON_POSTGRESQL
def test_recycle(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reports: "recycle 3600 s": here after a second."""
    with opened(database_url, monkeypatch, LEDGER_POOL_RECYCLE_SECONDS=1) as storage:
        first = backend(storage)
        assert backend(storage) == first
        wait_until(lambda: backend(storage) != first, 5)


@ON_POSTGRESQL
def test_pre_ping(storage: Storage, database_url: str) -> None:
    """The reports: "pre-ping": a connection that the server has closed is replaced before anybody notices."""
    lost = backend(storage)
    with Storage(make_engine(settings_for(database_url))) as other, other.writing() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": lost})
    assert backend(storage) != lost


def test_health_check(storage: Storage, run: Run) -> None:
    """The reports: "health check", for programs and for people."""
    assert storage.is_well(within_seconds=1)
    status = run("status", "--json").json
    assert status["database"]["pool"] == "20+40"
    assert status["backlog"] == {str(shard): 0 for shard in range(8)}
    with Storage(make_engine(settings_for("sqlite:////nowhere/at/all.db"))) as away:
        assert not away.is_well(within_seconds=0)
    assert run("status", DATABASE_URL="sqlite:////nowhere/at/all.db").code == 1


def test_rollback_on_error(storage: Storage) -> None:
    """The reports: "rollback on error". Nothing of a transaction that fails remains."""
    row = {"stream": "mine", "entry_id": "1-0", "recorded_at": now()}
    with suppress(RuntimeError), storage.writing() as connection:
        assert connection.execute(insert(tables.checkpoints).values(row)).rowcount == 1
        raise RuntimeError
    assert count(storage, "checkpoints") == 0


@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
def test_alembic(storage: Storage, run: Run) -> None:
    """The reports: "Alembic with autogenerate, upgrade and downgrade, URL from the environment"."""
    migrations.downgrade(storage.engine, "base")
    assert inspect(storage.engine).get_table_names() == ["alembic_version"]
    assert run("migrate").code == 0  # DATABASE_URL names the database
    assert migrations.current(storage.engine) == migrations.newest(storage.engine)
    command.check(migrations.configuration(storage.engine))  # autogenerate finds nothing to do


def test_connection_retry(platform: Platform) -> None:
    """The report of the workflow engine, wanted next: "connection retry". Nothing is lost meanwhile."""
    migrations.downgrade(platform.storage.engine, "base")
    platform.report("agent.created", "agent-1", name="Patient")
    assert "waiting" in platform.drain_once()
    migrations.upgrade(platform.storage.engine)
    wait_until(lambda: platform.drain_once().get("recorded"), 15)
    with platform.records() as connection:
        assert known(AgentRepository(connection).get("agent-1")).name == "Patient"


@ON_POSTGRESQL
def test_graceful_start_and_stop(platform: Platform, start_worker: StartWorker) -> None:
    """The report of Agent-Flow: "graceful start and stop". What comes after the stop waits."""
    worker = start_worker()
    platform.report("agent.created", "agent-1")
    wait_until(lambda: count(platform.storage, "agents") == 1, 30)
    worker.signal(signal.SIGTERM)
    wait_until(lambda: not worker.is_running(), 20)
    platform.report("agent.created", "agent-2")
    with platform.records() as connection:
        assert AgentRepository(connection).count() == 2
