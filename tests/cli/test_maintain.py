"""`flowledger maintain`: one round, and what it says."""

from __future__ import annotations

from datetime import timedelta

from flowledger.domain.times import now
from flowledger.storage.unit_of_work import Storage
from tests.cli.calling import Run
from tests.services.retention.recording import execution


def test_one_round_is_reported_for_people_and_programs(storage: Storage, run: Run) -> None:
    execution(storage, now() - timedelta(days=40))
    done = run("maintain", "--once", "--json", LEDGER_KEEP_ROWS_DAYS="30", REDIS_URL=None)
    assert done.code == 0
    assert done.json["went"]["executions"] == 1
    assert done.json["ended_at"] is not None
    again = run("maintain", "--once", LEDGER_KEEP_ROWS_DAYS="30", REDIS_URL=None)
    assert (again.code, again.out) == (0, "nothing that is old enough was there\n")
