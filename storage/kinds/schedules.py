"""Schedules: table, writes, look-ups (CONTRACT-RECORDS §1 and §3)."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Table, Text

from flowledger.domain import events as say
from flowledger.domain.envelope import Event
from flowledger.domain.kinds.schedules import MISSED, Schedule
from flowledger.domain.statuses import Switch
from flowledger.domain.times import sortable
from flowledger.storage.kinds.kind import Kind
from flowledger.storage.kinds.parts import Subject
from flowledger.storage.ledger import schedule_due
from flowledger.storage.merge.groups import group
from flowledger.storage.merge.writes import Write
from flowledger.storage.repository import SubjectRepository
from flowledger.storage.schema.columns import (
    ROOM_FOR_UPDATES,
    description_keys,
    indexes,
    key,
    metadata,
    one_of,
    short_name,
    status,
    subject_times,
)
from flowledger.storage.schema.types import Json, Name, UtcTime

TABLE: Final = Table(
    "schedules",
    metadata,
    Column("id", Name, primary_key=True),
    *status(Switch, "switch"),
    *short_name(),
    Column("workflow_id", Name),
    Column("workspace_id", Name),
    Column("user_id", Name),
    Column("expression", Text),
    Column("timezone", Text),
    Column("input", Json),
    *one_of("missed", "missed", Text(), MISSED),
    Column("starts_at", UtcTime),
    Column("ends_at", UtcTime),
    Column("last_due_at", UtcTime),
    Column("last_execution_id", Name),
    Column("reason", Text),
    *subject_times(),
    key("fired_key"),
    *description_keys(),
    *indexes("schedules", "name", "workflow_id", "workspace_id", "user_id", "status"),
    **ROOM_FOR_UPDATES,
)

SCHEDULE: Final = Subject(TABLE, say.ScheduleCreated, "reason", times={"status_at": None})
FIRED: Final = group("fired_key", "last_due_at", "last_execution_id")


def fire(event: Event, recorded_at: str) -> Write:
    """Write the last due time and its execution: the greatest time, then the greatest id, whatever came last."""
    data = event.data
    assert isinstance(data, say.ScheduleFired)
    due_at = sortable(data.due_at)
    write = SCHEDULE.mention(event, recorded_at)
    return write.group(FIRED, due_at + data.execution_id, last_due_at=due_at, last_execution_id=data.execution_id)


class ScheduleRepository(SubjectRepository[Schedule]):
    table = TABLE
    record = Schedule
    listed_by = ("workflow_id", "workspace_id", "user_id", "status")
    told_by = ("expression", "timezone", "last_due_at")
    has_names = True


KIND: Final = Kind(
    "schedule",
    tables=(TABLE,),
    repository=ScheduleRepository,
    repaired=schedule_due.note_repaired,
    events={
        say.ScheduleCreated: (SCHEDULE.create, schedule_due.note),
        say.ScheduleUpdated: (SCHEDULE.update, schedule_due.note),
        say.ScheduleEnabled: (SCHEDULE.report, schedule_due.note),
        say.ScheduleDisabled: (SCHEDULE.report, schedule_due.note),
        say.ScheduleFired: (fire,),
        say.ScheduleDeleted: (SCHEDULE.delete, schedule_due.note),
        say.ScheduleRestored: (SCHEDULE.restore, schedule_due.note),
    },
)
