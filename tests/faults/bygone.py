"""What is long past: things that go by age while a row does its faults, so retention runs all the while.

Half of them are weeks old, so their texts and log lines go with the weeks; of the others some become too old each
second. They stand behind all other subjects in the order of ids, so the judge looks at the rest alone.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Engine, Table, func, select

from flowledger.domain.envelope import parse
from flowledger.domain.limits import WIDEST
from flowledger.domain.times import now, sortable
from flowledger.storage import tables
from flowledger.storage.engines.pipeline import CheckpointRow
from flowledger.storage.kinds import transaction_of_past
from flowledger.storage.schema.partitions import make_partitions, monday_of
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw

FIRST: Final = "~"
"""All ids of what is long past begin with it, and no other id does."""
_IN_WEEKS_DAYS: Final = 14
SETTINGS: Final = {
    "keep_rows_days": 7,
    **dict.fromkeys(("keep_texts_days", "keep_logs_days", "keep_metrics_days", "keep_audit_days"), _IN_WEEKS_DAYS),
    "maintain_seconds": 3,
}
"""What goes by weeks is kept for longer: rows would wait for it (docs/contract/retention.md)."""
_OLD: Final = 400
_CROSSING: Final = 600
_STEP: Final = timedelta(seconds=1)
_KEPT: Final = timedelta(days=SETTINGS["keep_rows_days"])
_OLDEST: Final = timedelta(days=40)


def fill(engine: Engine) -> None:
    """Record executions, each with a task and its log, at times that are long past."""
    storage, at = Storage(engine), now()
    moments = [at - _OLDEST + place * timedelta(hours=1) for place in range(_OLD)]
    moments += [at - _KEPT + place * _STEP for place in range(_CROSSING)]
    with storage.writing() as connection:
        make_partitions(connection, at - _OLDEST, 7)
    unit = storage.unit_of_work()
    for number, moment in enumerate(moments):
        for event in _events(number):
            unit.add(transaction_of_past(parse(event, WIDEST), 0, sortable(moment)))
    unit.flush([CheckpointRow("bygone", "0-0", sortable(at))])


def _events(number: int) -> list[bytes]:
    execution, task, source = f"{FIRST}e{number:05}", f"{FIRST}t{number:05}", "/bygone"
    told: list[tuple[str, str, dict[str, Any]]] = [
        ("execution.started", execution, {}),
        ("task.created", task, {"execution_id": execution, "name": "read"}),
        ("task.logged", task, {"message": "read 14 pages", "level": "info"}),
        ("task.completed", task, {"output": {"pages": 14}}),
        ("execution.completed", execution, {"output": {"pages": 14}}),
    ]
    return [
        raw(type_, id=f"{number}/{place}", source=source, subject=subject, **data)
        for place, (type_, subject, data) in enumerate(told)
    ]


def left(engine: Engine, until: datetime) -> list[str]:
    """Return what is still there and should have gone by `until`, in words."""
    week = until - timedelta(days=_IN_WEEKS_DAYS)
    if engine.dialect.name == "postgresql":
        week = monday_of(week)
    with engine.connect() as connection:
        old = tables.events.c.recorded_at < until - _KEPT
        due = select(tables.events.c.subject).where(tables.events.c.subject >= FIRST, old)
        looks: list[tuple[Table, ColumnElement[bool]]] = [
            (table, table.c.id.in_(due)) for table in (tables.executions, tables.tasks)
        ]
        looks += [(table, table.c.recorded_at < week) for table in (tables.event_texts, tables.task_logs)]
        counts = {
            table.name: connection.execute(select(func.count()).select_from(table).where(is_old)).scalar_one()
            for table, is_old in looks
        }
    return [f"{count} old rows of {name}" for name, count in counts.items() if count]
