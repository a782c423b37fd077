"""A database that is away, busy or cut off: nothing is acknowledged falsely, and all is well when it is back."""

from __future__ import annotations

import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from psycopg2 import extensions
from sqlalchemy import text

from flowledger import migrations
from flowledger.cli.embedded import EmbeddedPostgres
from flowledger.domain.errors import DatabaseDenied, DatabaseUnavailable, SettingsError
from flowledger.domain.settings import Settings
from flowledger.storage.engines.engine import as_unavailable, make_engine
from flowledger.storage.engines.patience import wait_at_most
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.recorder import Recorded
from tests.builders import raw
from tests.conftest import settings_for
from tests.storage.recording import count, differences, record
from tests.waiting import wait_until


@pytest.fixture
def own_postgresql(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of the test's own, to be stopped and started."""
    server = EmbeddedPostgres(tmp_path / "postgresql" / "data")
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def storage_on(settings: Settings) -> Iterator[Storage]:
    with Storage(make_engine(settings)) as storage:
        yield storage


def waits_for_a_lock(storage: Storage) -> int:
    """The process of a recorder that waits for a lock; 0 where there is none."""
    with storage.reading() as connection:
        waiting = connection.execute(
            text(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
                " AND application_name = 'flowledger'"
            )
        ).scalar()
    return waiting or 0


def test_after_a_stop_the_same_storage_records_again(own_postgresql: EmbeddedPostgres) -> None:
    with storage_on(settings_for(own_postgresql.url)) as storage:
        migrations.upgrade(storage.engine)
        record(storage, raw("task.created", id="before"))
        own_postgresql.stop()
        with pytest.raises(DatabaseUnavailable):
            record(storage, raw("task.started", id="during"))
        own_postgresql.start()
        assert record(storage, raw("task.started", id="during"), raw("task.created", id="before")).dead == 0
        assert count(storage, "events") == 2
        assert differences(storage) == []


def test_after_a_power_cut_all_that_was_recorded_is_there(own_postgresql: EmbeddedPostgres) -> None:
    with storage_on(settings_for(own_postgresql.url)) as storage:
        migrations.upgrade(storage.engine)
        recorded = record(storage, *(raw("task.logged", id=str(number)) for number in range(200))).recorded
        own_postgresql.kill()
        own_postgresql.start()
        wait_until(lambda: _counts(storage, recorded), what="the recovery")
        assert differences(storage) == []


def _counts(storage: Storage, events: int) -> bool:
    try:
        return count(storage, "events") == events
    except Exception as error:
        if "starting up" in str(error) or "not yet accepting" in str(error) or "terminat" in str(error):
            return False
        raise


@pytest.mark.parametrize(
    "url",
    ["postgresql://nobody@127.0.0.1:1/nothing", "sqlite:////nowhere/at/all/ledger.db"],
    ids=["postgresql", "sqlite"],
)
def test_a_database_that_is_not_there_is_unavailable(url: str) -> None:
    with storage_on(settings_for(url)) as storage, pytest.raises(DatabaseUnavailable):
        record(storage, raw("task.started"))


def test_a_database_without_tables_is_unavailable_and_nothing_is_lost(storage: Storage) -> None:
    migrations.downgrade(storage.engine, "base")
    with pytest.raises(DatabaseUnavailable):
        record(storage, raw("task.started", id="1"))
    migrations.upgrade(storage.engine)
    assert record(storage, raw("task.started", id="1")) == Recorded(recorded=1)


def test_a_database_that_goes_away_before_the_look_for_conflicts_is_unavailable(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events that were known are looked up after they were committed: then, too, a drain must hear the one error."""
    event = raw("task.started", id="1")
    record(storage, event)
    with storage_on(settings_for("postgresql://nobody@127.0.0.1:1/nothing")) as away:
        monkeypatch.setattr(storage, "engine", away.engine)
        with pytest.raises(DatabaseUnavailable):
            record(storage, event)


def test_a_connection_cut_while_it_writes_loses_and_doubles_nothing(postgresql_storage: Storage) -> None:
    """The database answers again at once, so the recorder does the batch again by itself, by halves."""
    storage = postgresql_storage
    batch = [raw("task.created", subject=f"task_{number}") for number in range(20)]
    outcomes: list[Recorded] = []
    thread = threading.Thread(target=lambda: outcomes.append(record(storage, *batch)))
    with storage.engine.connect() as connection:
        connection.execute(text("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE"))
        thread.start()
        pid = wait_until(lambda: waits_for_a_lock(storage), what="the recorder at the lock")
        connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        wait_until(lambda: waits_for_a_lock(storage) not in (0, pid), what="the recorder at the lock once more")
    thread.join()
    (outcome,) = outcomes
    assert (outcome.recorded, outcome.repeated, outcome.dead) == (20, 0, 0)
    assert record(storage, *batch).repeated == 20
    assert differences(storage) == []


def test_connections_that_died_while_idle_are_not_noticed(postgresql_storage: Storage) -> None:
    storage = postgresql_storage
    record(storage, raw("task.created"))
    with storage.engine.connect() as connection:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
        connection.execute(text(others + "pg_backend_pid()"))
    assert record(storage, raw("task.started"), raw("task.completed")) == Recorded(recorded=2)


def test_a_session_that_ends_during_a_look_leaves_the_pool_as_it_was(postgresql_storage: Storage) -> None:
    storage, ask = postgresql_storage, text("SELECT pg_backend_pid()")
    with storage_on(settings_for(storage.engine.url.render_as_string(hide_password=False))) as other:
        for _ in range(3):
            for _ in range(2):
                with storage.looking() as looking:
                    looking.execute(ask)
            with suppress(DatabaseUnavailable), storage.looking() as looking:
                session = looking.execute(ask).scalar_one()
                with other.reading() as connection:
                    connection.execute(text("SELECT pg_terminate_backend(:session, 5000)"), {"session": session})
    assert "Current Checked out connections: 0" in storage.engine.pool.status()


def test_statements_of_a_look_have_no_transaction_around_them_and_those_after_it_do(
    postgresql_storage: Storage,
) -> None:
    storage, began = postgresql_storage, text("SELECT now() <> statement_timestamp()")
    with storage.looking() as looking:
        session = looking.execute(text("SELECT pg_backend_pid()")).scalar_one()
        assert not looking.execute(began).scalar_one()
    with storage.writing() as connection:
        assert connection.execute(text("SELECT pg_backend_pid()")).scalar_one() == session
        assert connection.execute(began).scalar_one()


def test_a_pool_with_no_connection_to_give_is_unavailable_for_now(database_url: str) -> None:
    settings = settings_for(database_url).model_copy(
        update={"pool_size": 1, "pool_max_overflow": 0, "pool_timeout_seconds": 0.05}
    )
    with storage_on(settings) as storage:
        with storage.reading(), pytest.raises(DatabaseUnavailable):
            record(storage, raw("task.started", id="1"))
        assert record(storage, raw("task.started", id="1")) == Recorded(recorded=1)


def test_a_sqlite_file_that_another_process_writes_is_unavailable_for_now(sqlite_url: str) -> None:
    settings = settings_for(sqlite_url).model_copy(update={"pool_timeout_seconds": 0.05})
    with storage_on(settings) as storage, closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as other:
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailable):
            record(storage, raw("task.started", id="1"))
        other.execute("ROLLBACK")
        assert record(storage, raw("task.started", id="1")) == Recorded(recorded=1)


def test_the_error_says_why_and_shows_no_values(own_postgresql: EmbeddedPostgres) -> None:
    with storage_on(settings_for(own_postgresql.url)) as storage, pytest.raises(DatabaseUnavailable) as caught:
        record(storage, raw("task.started", worker="hunter2"))
    assert "does not exist" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("url", ["", "not a url", "mysql://host/db", "postgresql+asyncpg://host/db"])
def test_a_url_of_no_database_that_we_know_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL"):
        make_engine(settings_for(url))


@pytest.fixture
def impatient() -> Iterator[None]:
    """As in a worker's process, but for the time."""
    wait_at_most(0.5, 0.5)
    yield
    extensions.set_wait_callback(None)


@pytest.mark.usefixtures("impatient")
def test_a_server_that_accepts_and_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/none"
        with storage_on(settings_for(url)) as storage, pytest.raises(DatabaseUnavailable, match="not answered within"):
            record(storage, raw("task.started"))


@pytest.mark.usefixtures("impatient")
def test_an_answer_that_does_not_come_is_given_up_and_the_batch_done_again(postgresql_storage: Storage) -> None:
    with postgresql_storage.engine.connect() as other, other.begin():
        other.execute(text("LOCK TABLE tasks"))
        with pytest.raises(DatabaseUnavailable, match="not answered within"):
            record(postgresql_storage, raw("task.started", id="1"))
    assert record(postgresql_storage, raw("task.started", id="1")).dead == 0
    assert count(postgresql_storage, "events") == 1


@pytest.mark.parametrize(
    ("code", "is_denied"),
    [
        ("SQLITE_READONLY", True),
        ("SQLITE_READONLY_DIRECTORY", True),
        ("SQLITE_READONLY_RECOVERY", False),
        ("SQLITE_READONLY_CANTINIT", False),
        ("SQLITE_READONLY_CANTLOCK", False),
        ("SQLITE_READONLY_ROLLBACK", False),
        ("SQLITE_READONLY_DBMOVED", False),
        ("SQLITE_BUSY", False),
    ],
)
def test_of_what_sqlite_may_not_write_rights_alone_are_denied(code: str, is_denied: bool) -> None:
    error = sqlite3.OperationalError("attempt to write a readonly database")
    error.sqlite_errorcode = getattr(sqlite3, code)
    assert isinstance(as_unavailable(error), DatabaseDenied) == is_denied
