"""Row 15: a migration that is killed and done again; a worker on the schema of a later release."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, Final

import psycopg2
from sqlalchemy import make_url

from flowledger.cli import processes
from tests.faults.trial import Dose, Row, Trial

_COLUMNS: Final = (
    "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns "
    "WHERE table_schema = 'public' AND table_name NOT LIKE 'control%' "
    "AND table_name !~ '_[0-9]{8}$' ORDER BY 1, 2"
)
_INDEXES: Final = (
    "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE 'control%'"
    " AND tablename !~ '_[0-9]{8}$' ORDER BY 1"
)
_DATABASE: Final = "interrupted"


def run(trial: Trial) -> None:
    """A new database, migrated with interruptions, is like any other; then columns and indexes come under load."""
    _interrupt_migrations(trial)
    with trial.same_workers(), trial.load():
        for _ in range(trial.dose.faults):
            with trial.fault("the schema of a later release, under load"):
                _do(trial, "ALTER TABLE tasks ADD COLUMN of_a_later_release text DEFAULT 'new'")
                _do(trial, "CREATE INDEX of_a_later_release ON tasks (of_a_later_release)")
            _do(trial, "ALTER TABLE tasks DROP COLUMN of_a_later_release")
            trial.recover()
    trial.judge()


def _interrupt_migrations(trial: Trial) -> None:
    _do(trial, f"DROP DATABASE IF EXISTS {_DATABASE}")
    _do(trial, f"CREATE DATABASE {_DATABASE} TEMPLATE template0")
    killed = 0
    for _ in range(trial.dose.faults):
        killed += not _migrate(trial, trial.random.uniform(0.3, 1.5))
    trial.outcome.faults += killed
    trial.outcome.kills += killed
    assert _migrate(trial, 60), "the migration did not end"
    for query in (_COLUMNS, _INDEXES):
        assert _query(trial, query, _DATABASE) == _query(trial, query), "the schema is another than that of one go"
    _do(trial, f"DROP DATABASE {_DATABASE}")
    trial.note(f"{killed} migrations killed with -9; the next one brought the schema to its end")


def _migrate(trial: Trial, seconds: float) -> bool:
    """Whether it ended before it was killed."""
    url = make_url(trial.world.postgres.url).set(database=_DATABASE).render_as_string(hide_password=False)
    command = [sys.executable, "-m", "flowledger.cli.main", "migrate"]
    environment = processes.environment(trial.world.direct) | {"DATABASE_URL": url}
    try:
        done = subprocess.run(command, env=environment, timeout=seconds, capture_output=True, text=True, check=False)
    except subprocess.TimeoutExpired:
        return False
    assert done.returncode == 0, done.stderr[-500:]
    return True


def _do(trial: Trial, statement: str) -> None:
    connection = psycopg2.connect(trial.world.postgres.url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


def _query(trial: Trial, query: str, database: str = "postgres") -> list[Any]:
    connection = psycopg2.connect(trial.world.postgres.url, dbname=database)
    with connection.cursor() as cursor:
        cursor.execute(query)
        found: list[Any] = cursor.fetchall()
    connection.close()
    return found


ROW: Final = Row(
    number=15,
    title="migrations killed with -9 and done again; workers on the schema of a later release",
    run=run,
    sample=Dose(faults=1, rate=200),
    long=Dose(faults=15),
)
