"""What `flowledger status` tells of schedules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from flowledger.domain.statuses import Switch
from flowledger.domain.times import now
from flowledger.storage.kinds.schedules import ScheduleRepository
from flowledger.storage.ledger.schedule_due import ScheduleDueRepository

_LATE: Final = timedelta(seconds=10)
_MOST: Final = 10


@dataclass(frozen=True, slots=True)
class Failing:
    """A schedule that is not fired as it should be, and why."""

    schedule_id: str
    why: str


@dataclass(frozen=True, slots=True)
class Schedules:
    """How many schedules are enabled, when the next one is due, and how many have been due for more than ten seconds.

    `failing` counts those that cannot be computed or published; `first` are ten of them.
    """

    enabled: int
    next_due_at: datetime | None
    late: int
    failing: int
    first: list[Failing]


def schedules(connection: Connection) -> Schedules:
    """Return how schedules do."""
    due = ScheduleDueRepository(connection)
    soonest = due.upcoming(limit=1).items
    return Schedules(
        enabled=ScheduleRepository(connection).count(status=Switch.ENABLED),
        next_due_at=soonest[0].next_due_at if soonest else None,
        late=due.count_due(now() - _LATE),
        failing=due.count_failing(),
        first=[Failing(one.schedule_id, one.error or "") for one in due.failing(limit=_MOST).items],
    )
