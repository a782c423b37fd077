"""Verify and repair where no subject has a row: metrics, their sums, and audit lines."""

from __future__ import annotations

import pytest
from sqlalchemy import Table, delete, func, update

from flowledger.domain.times import now
from flowledger.storage.kinds import audit, metrics
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.verify import verify
from tests.builders import raw
from tests.storage.recording import all_rows, by_hand, record, row
from tests.workers.test_repair_meets_workers import Between, Intruder, between
from tests.workers.test_verify import STORY, another

__all__ = ["between"]


@pytest.mark.parametrize("table", [metrics.TABLE, metrics.HOURS, metrics.DAYS, audit.TABLE], ids=str)
def test_rows_without_a_subject_are_found_with_any_others(storage: Storage, table: Table) -> None:
    """More than fit into one step of the repair, some gone, some changed, some strays, in one run."""
    named = [raw("metric.recorded", subject=f"h{n}", name=f"n{n % 700}", value=n) for n in range(1_400)]
    record(storage, *STORY, *named, *(raw("audit.logged", subject=f"r{n}") for n in range(700)))
    before = all_rows(storage)
    column = "action" if table is audit.TABLE else "max" if "max" in table.c else "value"
    owner = table.c["resource_id" if table is audit.TABLE else "subject"]
    by_hand(
        storage,
        delete(table).where(owner.like("%1")),
        update(table).where(owner.like("%2")).values({column: another(table.c[column])}),
        update(table).where(owner.like("%3")).values({owner.name: owner + "5"}),
    )
    assert not verify(storage).is_well
    assert verify(storage, mend=True).is_well
    assert all_rows(storage) == before
    assert verify(storage).differences == 0


@pytest.mark.parametrize("harm", ["changed", "deleted"])
def test_a_point_that_comes_while_its_hour_is_mended_is_added_once(
    postgresql_storage: Storage, between: Between, harm: str
) -> None:
    record(postgresql_storage, raw("metric.recorded", id="a", value=2))
    change = update(metrics.HOURS).values({"count": 9, "sum": 9})
    by_hand(postgresql_storage, change if harm == "changed" else delete(metrics.HOURS))
    intruder = Intruder(postgresql_storage, raw("metric.recorded", id="b", value=3))
    between(intruder)
    assert verify(postgresql_storage, mend=True).is_well
    intruder.join()
    assert intruder.had_to_wait
    (hour,) = all_rows(postgresql_storage)["metric_hours"].values()
    assert (hour["count"], hour["sum"], hour["min"], hour["max"]) == (2, 5, 2, 3)
    assert verify(postgresql_storage).first == []


def test_the_event_of_a_line_that_had_none_may_come_while_the_line_is_removed(
    postgresql_storage: Storage, between: Between
) -> None:
    line = {"source": "/tests", "event_id": "late", "resource_id": "r", "action": "wrong", "success": True}
    line |= {"recorded_at": now()}
    by_hand(postgresql_storage, audit.TABLE.insert().values(**line, time=func.current_timestamp()))
    intruder = Intruder(postgresql_storage, raw("audit.logged", id="late", subject="r", action="right"))
    between(intruder)
    assert verify(postgresql_storage, mend=True).is_well
    intruder.join()
    assert row(postgresql_storage, "audit_logs", "/tests", "late")["action"] == "right"
    assert verify(postgresql_storage).first == []
