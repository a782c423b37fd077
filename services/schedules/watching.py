"""What the scheduler keeps of a schedule: computed when the schedule is new or has changed, and kept while it is not.

A schedule is *watched* if it is enabled, not deleted, and has an expression. Only then it has due times: those that
pass while it is not watched are not missed. A change takes effect at its own time, an import when it has ended.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from flowledger.domain.events import ScheduleDeleted, ScheduleDisabled
from flowledger.domain.kinds.schedules import Schedule
from flowledger.domain.statuses import Switch
from flowledger.services.schedules.missed import GRACE
from flowledger.services.schedules.timing import Timing
from flowledger.services.schedules.zones import RELEASE
from flowledger.storage.ledger.schedule_due import IMPORTED, Change, ScheduleDue
from flowledger.workers.faults import INTERRUPTIONS, fault

logger = logging.getLogger(__name__)

_STOPS: Final = (ScheduleDisabled.event_type, ScheduleDeleted.event_type)
_SECOND: Final = timedelta(seconds=1)
_LONGEST: Final = 300


def is_on(schedule: Schedule) -> bool:
    """Return whether a schedule is enabled and not deleted."""
    return schedule.status == Switch.ENABLED and schedule.deleted_at is None


def is_watched_as(due: ScheduleDue, schedule: Schedule | None) -> bool:
    """Return whether the schedule still has the due times that were computed."""
    timing = None if schedule is None else Timing.of(schedule)
    return timing is not None and schedule is not None and is_on(schedule) and timing.text() == due.computed_from


def watched(schedule: Schedule, before: ScheduleDue | None, changes: Sequence[Change], now: datetime) -> ScheduleDue:
    """Return what to keep of a schedule from `now` on; `before` is what was kept, `changes` what was reported since.

    Whatever a schedule holds, others must go on: one that cannot be computed has an `error`.
    """
    try:
        return _watched(schedule, before, changes, now)
    except INTERRUPTIONS:
        raise
    except Exception as error:
        return failed(_left(schedule, before, changes, now), error)


def failed(row: ScheduleDue, error: Exception) -> ScheduleDue:
    """Return the row of a schedule at which Flowledger failed, and log it: it is not due until it changes."""
    words = f"a fault of Flowledger: {fault(error)}"  # the words of the error may quote the schedule
    logger.error("a schedule cannot be computed: %s", words, extra={"subject": row.schedule_id})
    return replace(row, next_due_at=None, error=words[:_LONGEST])


def _left(schedule: Schedule, before: ScheduleDue | None, changes: Sequence[Change], now: datetime) -> ScheduleDue:
    """Return the row of a schedule of which nothing can be computed: what is due stays so until a release mends it."""
    done_until = None if before is None else before.done_until
    lapses = not is_on(schedule) or any(change.type in _STOPS for change in changes)
    if lapses or (done_until is None and any(change.type == IMPORTED for change in changes)):
        changed_at = _changed_at(changes, now)
        done_until = max(done_until or changed_at, changed_at)
    return ScheduleDue(
        schedule_id=schedule.id,
        next_due_at=None,
        done_until=done_until,
        watched_since=now,
        computed_from=before.computed_from if before is not None and is_on(schedule) else "",
        zones=RELEASE,
        error=None,
    )


def _changed_at(changes: Sequence[Change], now: datetime) -> datetime:
    return min(now, max((change.changed_at for change in changes), default=now))


def _watched(schedule: Schedule, before: ScheduleDue | None, changes: Sequence[Change], now: datetime) -> ScheduleDue:
    timing = Timing.of(schedule)
    text = "" if timing is None else timing.text()
    changed_at = _changed_at(changes, now)
    stopped = any(change.type in _STOPS for change in changes)
    imported = any(change.type == IMPORTED for change in changes)
    same = before is not None and before.computed_from == text and not stopped
    if before is None or before.done_until is None:
        done_until = _first(schedule, timing, changed_at if stopped or imported else None, now)
    else:
        done_until = _continued(before, text, changed_at, stopped=stopped)
    if done_until is not None and not is_on(schedule):
        done_until = max(done_until, changed_at)
    is_kept = same and before is not None and before.next_due_at is not None
    row = ScheduleDue(
        schedule_id=schedule.id,
        next_due_at=None,
        done_until=done_until,
        watched_since=before.watched_since if is_kept and before is not None else now,
        computed_from=text,
        zones=RELEASE,
        error=None,
    )
    if timing is None or done_until is None or not is_on(schedule):
        return row
    try:
        return with_next(row, timing)
    except INTERRUPTIONS:
        raise
    except Exception as error:
        return failed(row, error)


def with_next(row: ScheduleDue, timing: Timing) -> ScheduleDue:
    """Return the row with the first due time after `done_until`, or the error why there is none."""
    assert row.done_until is not None
    try:
        return replace(row, next_due_at=timing.next(row.done_until))
    except (LookupError, ValueError) as error:
        return replace(row, next_due_at=None, error=str(error)[:_LONGEST])


def _first(schedule: Schedule, timing: Timing | None, stopped_at: datetime | None, now: datetime) -> datetime | None:
    """Return the moment after which a schedule is due that was never watched.

    Due times before it was first seen count if `missed` says something, and never otherwise: a schedule that was made
    long ago, and is recorded today, starts today.
    """
    if timing is None:
        return None
    begin = timing.begin()
    if schedule.missed is None:
        begin = max(begin, now - GRACE)
    return begin if stopped_at is None else max(begin, stopped_at)


def _continued(before: ScheduleDue, text: str, changed_at: datetime, *, stopped: bool) -> datetime:
    """Return the moment up to which the due times are done of a schedule that was watched before.

    It changed at `changed_at`: what was due before that, and is not done, stays due if the schedule was watched then.
    """
    assert before.done_until is not None
    rests = before.next_due_at is None and before.error is None
    if stopped or rests:
        return max(before.done_until, changed_at)
    if text != before.computed_from:
        pending = changed_at if before.next_due_at is None else before.next_due_at - _SECOND
        return max(before.done_until, min(changed_at, pending))
    return before.done_until
