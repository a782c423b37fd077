"""What `flowledger status` tells of schedules."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import insert

from flowledger.domain.times import now, written_time
from flowledger.storage import tables
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.cli.calling import Run
from tests.storage.recording import record

WORDS = "the time zone Mars is not there"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough here."""
    return sqlite_url


def test_without_schedules_there_is_nothing_to_tell(run: Run) -> None:
    report = json.loads(run("status", "--json").out)["schedules"]
    assert report == {"enabled": 0, "next_due_at": None, "late": 0, "failing": 0, "first": []}
    assert "0 enabled" in run("status").out


def test_it_tells_what_is_enabled_next_late_and_failing_and_why(run: Run, storage: Storage) -> None:
    late = (now() - timedelta(minutes=1)).replace(microsecond=0)
    record(
        storage,
        *(raw("schedule.created", subject=f"s{number}", expression="1m") for number in range(4)),
        raw("schedule.disabled", subject="s3", time=written_time(now())),
    )
    due = [
        ("s0", late, None),
        ("s1", now() + timedelta(hours=1), None),
        ("s2", None, WORDS),
    ]
    common = {"watched_since": late, "computed_from": "", "zones": "2026a"}
    with storage.engine.begin() as connection:
        for id_, at, error in due:
            row = {"schedule_id": id_, "next_due_at": at, "error": error} | common
            connection.execute(insert(tables.schedule_due).values(row))
    assert json.loads(run("status", "--json").out)["schedules"] == {
        "enabled": 3,
        "next_due_at": written_time(late),
        "late": 1,
        "failing": 1,
        "first": [{"schedule_id": "s2", "why": WORDS}],
    }
    shown = run("status").out
    assert "3 enabled, next due 20" in shown
    assert "1 late by more than 10 s, 1 cannot be fired" in " ".join(shown.split())
    assert f"schedule s2: {WORDS}" in shown
