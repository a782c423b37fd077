"""Migrations: they make exactly the declared tables, go back to nothing, and may run twice, or twice at once."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

from flowledger import migrations
from flowledger.cli import processes
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.schema.declared import is_declared
from flowledger.storage.tables import VIEWS, metadata
from tests.conftest import settings_for
from tests.postgresql import PostgresqlServer

ROOT = Path(__file__).parents[1]


@pytest.fixture(params=["postgresql", "sqlite"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    with server.database(empty=True) as url:
        yield url


@pytest.fixture
def engine(empty_url: str) -> Iterator[Engine]:
    made = make_engine(settings_for(empty_url))
    yield made
    made.dispose()


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names())


def schema(engine: Engine) -> dict[str, Any]:
    """All that the database says of each table, CHECKs, defaults, collations and conditions of indexes with it."""
    inspector = inspect(engine)
    found: dict[str, Any] = {"domains": domains(engine)}
    for table in metadata.tables:
        columns = [
            (column["name"], repr(column["type"]), column["nullable"], column["default"])
            for column in inspector.get_columns(table)
        ]
        found[table] = {
            "columns": columns,
            "key": inspector.get_pk_constraint(table),
            "foreign keys": sorted(map(str, inspector.get_foreign_keys(table))),
            "indexes": sorted(map(index_text, inspector.get_indexes(table))),
            "checks": {check["name"]: check["sqltext"] for check in inspector.get_check_constraints(table)},
        }
    return found


def domains(engine: Engine) -> dict[str, Any]:
    """The rules that PostgreSQL keeps as domains."""
    if engine.dialect.name != "postgresql":
        return {}
    return {domain["name"]: domain for domain in inspect(engine).get_domains()}  # type: ignore[attr-defined]


def views(engine: Engine) -> dict[str, str]:
    """Each view as the database keeps it."""
    inspector = inspect(engine)
    return {name: inspector.get_view_definition(name) for name in inspector.get_view_names()}


def index_text(index: Any) -> str:
    """An index with its conditions in words."""
    options = {name: str(value) for name, value in index.get("dialect_options", {}).items()}
    return str(index | {"dialect_options": options})


# PostgreSQL's index of words is an expression, which Alembic does not look for on SQLite, where it is not made.
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
def test_autogenerate_finds_nothing_to_do(engine: Engine) -> None:
    migrations.upgrade(engine)
    with engine.connect() as connection:
        # Alembic reads the same default in two ways on SQLite; the tests below compare defaults on both.
        options = {
            "compare_type": True,
            "compare_server_default": engine.dialect.name == "postgresql",
            "include_object": is_declared,
        }
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []


def test_the_migrated_tables_are_the_declared_ones(engine: Engine) -> None:
    metadata.create_all(engine)
    declared = schema(engine)
    metadata.drop_all(engine)
    assert tables(engine) == set()
    migrations.upgrade(engine)
    assert schema(engine) == declared


def test_the_migrated_views_are_the_declared_ones(engine: Engine) -> None:
    metadata.create_all(engine)
    declared = views(engine)
    metadata.drop_all(engine)
    assert views(engine) == {}
    migrations.upgrade(engine)
    assert views(engine) == declared
    assert declared.keys() == VIEWS.keys()


def test_all_tables_of_the_contract_are_there(engine: Engine) -> None:
    migrations.upgrade(engine)
    assert tables(engine) >= {
        "events",
        "event_texts",
        "executions",
        "execution_logs",
        "tasks",
        "task_logs",
        "messages",
        "message_deliveries",
        "workspaces",
        "sandboxes",
        "dead_letters",
    }
    assert migrations.current(engine) == migrations.newest(engine)


def test_a_downgrade_to_base_leaves_nothing(engine: Engine) -> None:
    migrations.upgrade(engine)
    migrations.downgrade(engine, "base")
    assert tables(engine) <= {"alembic_version"}
    assert views(engine) == {}
    assert migrations.current(engine) is None


def test_after_a_downgrade_the_way_up_is_open_again(engine: Engine) -> None:
    for _ in range(2):
        migrations.upgrade(engine)
        migrations.downgrade(engine, "base")
    migrations.upgrade(engine)
    assert migrations.current(engine) == migrations.newest(engine)


def test_a_second_upgrade_changes_nothing(engine: Engine) -> None:
    migrations.upgrade(engine)
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO checkpoints (stream, entry_id, recorded_at) VALUES ('s', '1', '2026-01-01')")
        )
    migrations.upgrade(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM checkpoints")).scalar_one() == 1


def test_an_empty_database_stands_at_no_revision(engine: Engine) -> None:
    assert migrations.current(engine) is None


def test_every_revision_can_be_reached_one_by_one(engine: Engine) -> None:
    script = ScriptDirectory.from_config(migrations.configuration(engine))
    for revision in reversed(list(script.walk_revisions())):
        migrations.upgrade(engine, revision.revision)
        assert migrations.current(engine) == revision.revision


def test_a_migration_that_fails_leaves_nothing_behind(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE tasks (mine text)"))
    with pytest.raises(Exception, match="tasks"):
        migrations.upgrade(engine)
    assert tables(engine) - {"alembic_version"} == {"tasks"}
    assert migrations.current(engine) is None


def test_two_processes_may_migrate_at_once(empty_url: str, engine: Engine) -> None:
    program = (
        "from flowledger import migrations; from flowledger.domain.settings import Settings; "
        "from flowledger.storage.engines.engine import make_engine; migrations.upgrade(make_engine(Settings.load()))"
    )
    command = [sys.executable, "-c", program]
    environment = processes.environment(settings_for(empty_url))
    started = [
        subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    errors = [process.communicate(timeout=60)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], errors
    assert migrations.current(engine) == migrations.newest(engine)


def test_two_threads_may_migrate_at_once(postgresql_server: PostgresqlServer) -> None:
    errors: list[BaseException] = []

    def run(engine: Engine) -> None:
        try:
            migrations.upgrade(engine)
        except BaseException as error:
            errors.append(error)

    with postgresql_server.database(empty=True) as url:
        engines = [make_engine(settings_for(url)) for _ in range(2)]
        threads = [threading.Thread(target=run, args=(engine,), daemon=True) for engine in engines]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert [thread.is_alive() for thread in threads] == [False, False]
        assert errors == []
        assert migrations.current(engines[0]) == migrations.newest(engines[0])
        for engine in engines:
            engine.dispose()


def test_alembics_own_command_takes_the_database_from_the_environment(
    empty_url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alembic import command
    from alembic.config import Config

    monkeypatch.setenv("DATABASE_URL", empty_url)
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    command.upgrade(config, "head")
    assert migrations.current(engine) == migrations.newest(engine)
