"""Schedules, by which executions start at set times: statuses, events and the record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import AfterValidator, ValidationInfo

from flowledger.domain.cron import EXPRESSION_PATTERN, check_expression
from flowledger.domain.kinds.base import (
    Deleted,
    Described,
    EventData,
    Governed,
    Reasoned,
    Restored,
)
from flowledger.domain.kinds.fields import Id, Name, Time, named
from flowledger.domain.limits import Limits
from flowledger.domain.statuses import Switch
from flowledger.domain.time_zones import time_zones

__all__ = [
    "ScheduleCreated",
    "ScheduleDeleted",
    "ScheduleDisabled",
    "ScheduleEnabled",
    "ScheduleFired",
    "ScheduleRestored",
    "ScheduleUpdated",
]

SOURCE: Final = "/flowledger/schedules"
"""The source of what the ledger itself reports of schedules."""

Missed = Literal["skip", "last", "all"]
MISSED: Final[tuple[str, ...]] = get_args(Missed)


def _time_zone(value: str, info: ValidationInfo) -> str:
    """Return the name of a time zone; an event that is recorded may have one that has gone since."""
    is_recorded = isinstance(info.context, Limits) and info.context.of_recorded
    if not is_recorded and value not in time_zones():
        raise ValueError("must be the name of a time zone, like Europe/Berlin or UTC, in its own case")
    return value


Expression = Annotated[
    str,
    AfterValidator(check_expression),
    named(
        "Expression",
        "When it is due: five fields of cron, or an interval.",
        pattern=EXPRESSION_PATTERN,
        examples=["30 9 * * 1-5", "*/15 8-17 * * *", "90s"],
    ),
]
TimeZone = Annotated[
    str,
    AfterValidator(_time_zone),
    named(
        "TimeZone",
        "The name of a time zone, in its own case.",
        pattern="^[A-Za-z0-9_+/-]+$",
        examples=["Europe/Berlin", "UTC"],
    ),
]


class _Description(Described, Governed):
    name: Name | None = None
    workflow_id: Id | None = None
    workspace_id: Id | None = None
    user_id: Id | None = None
    expression: Expression | None = None
    timezone: TimeZone | None = None
    input: Any = None
    missed: Missed | None = None
    starts_at: Time | None = None
    ends_at: Time | None = None


class ScheduleCreated(_Description):
    """A plan that starts executions at set times exists."""

    event_type = "schedule.created"
    status = Switch.ENABLED


class ScheduleUpdated(_Description):
    """Fields of its description change."""

    event_type = "schedule.updated"
    keeps_null = _Description.described_fields()


class ScheduleEnabled(Reasoned, Governed):
    """It fires when it is due."""

    event_type = "schedule.enabled"
    status = Switch.ENABLED


class ScheduleDisabled(Reasoned, Governed):
    """It does not fire."""

    event_type = "schedule.disabled"
    status = Switch.DISABLED


class ScheduleFired(EventData):
    """The ledger started an execution for a due time."""

    event_type = "schedule.fired"
    by_ledger = True
    only_source = SOURCE
    due_at: Time
    execution_id: Id


class ScheduleDeleted(Deleted, Governed):
    event_type = "schedule.deleted"


class ScheduleRestored(Restored, Governed):
    event_type = "schedule.restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A schedule; `last_due_at` is the last due time for which it fired, `last_execution_id` what it started then."""

    id: str
    status: str
    name: str | None
    workflow_id: str | None
    workspace_id: str | None
    user_id: str | None
    expression: str | None
    timezone: str | None
    input: Any
    missed: str | None
    starts_at: datetime | None
    ends_at: datetime | None
    last_due_at: datetime | None
    last_execution_id: str | None
    reason: str | None
    created_at: datetime
    updated_at: datetime
    status_at: datetime | None
    deleted_at: datetime | None


EVENTS: Final = (
    ScheduleCreated,
    ScheduleUpdated,
    ScheduleEnabled,
    ScheduleDisabled,
    ScheduleFired,
    ScheduleDeleted,
    ScheduleRestored,
)
