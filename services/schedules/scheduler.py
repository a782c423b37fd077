"""The scheduler: publishes the executions of due schedules (docs/decisions/0043).

One turn at a time in all workers, under a lease that a dead one loses. Nothing depends on the lease: events of a due
time have the same ids whoever publishes them, and a due time counts as done only after they are published. So two
schedulers at once, or one that is killed between any two steps, fire each time once in effect.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple, TypedDict

import redis
from sqlalchemy import Connection

from flowledger.client.prepared import Prepared
from flowledger.client.publisher import Publisher
from flowledger.domain import streams
from flowledger.domain.errors import DatabaseUnavailable, PublishError, Refused
from flowledger.domain.kinds.schedules import Schedule
from flowledger.domain.log_lines import quoted
from flowledger.domain.settings import Settings
from flowledger.domain.signing import Signer
from flowledger.domain.times import now as machine_time
from flowledger.domain.times import written_time
from flowledger.services.schedules.firing import events_of
from flowledger.services.schedules.missed import GRACE, step
from flowledger.services.schedules.timing import Timing
from flowledger.services.schedules.watching import failed, is_watched_as, watched, with_next
from flowledger.services.schedules.zones import RELEASE
from flowledger.storage.kinds.schedules import ScheduleRepository
from flowledger.storage.ledger.schedule_due import (
    Change,
    Looks,
    ScheduleChangeRepository,
    ScheduleDue,
    ScheduleDueRepository,
    ScheduleLookRepository,
)
from flowledger.storage.retention.erasures import not_erased
from flowledger.storage.transactions import changing
from flowledger.storage.unit_of_work import Storage
from flowledger.workers import scripts
from flowledger.workers.faults import INTERRUPTIONS
from flowledger.workers.regular_bells import SCHEDULES

logger = logging.getLogger(__name__)

_AT_ONCE: Final = 250
"""Schedules of one step, and due times: two events each, which go to Redis in one round trip."""
_MOST_BACKLOG: Final = 5_000
"""While more events than this wait to be recorded, a turn does a single step: other producers are not held up."""
_NOTED: Final = timedelta(seconds=10)
"""How old the noted look may be before it is written again."""

_READS: Final = 5
"""How often changes and schedules are read, to have both of one moment."""


class ScheduleResult(TypedDict, total=False):
    """What a turn did, as Flower shows it."""

    fired: int
    changed: int
    seconds: float
    waiting: str


class _Fired(NamedTuple):
    """A schedule's row before and after some due times, and their events."""

    before: ScheduleDue
    after: ScheduleDue
    times: int
    events: list[Prepared]


class Scheduler:
    """One turn of the scheduler. `clock` tells the time."""

    def __init__(
        self,
        client: redis.Redis,
        settings: Settings,
        storage: Storage,
        publisher: Publisher,
        sign: Signer,
        *,
        clock: Callable[[], datetime] = machine_time,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._client = client
        self._settings = settings
        self._storage = storage
        self._publisher = publisher
        self._sign = sign
        self._clock = clock
        self._is_stopping = is_stopping
        self._owner = uuid.uuid4().hex
        self._began = time.monotonic()
        self._fired = self._changed = 0

    def run(self) -> ScheduleResult:
        """Look at what changed, and fire what is due, until nothing is left or the turn is over."""
        try:
            if not self._begin():
                return {"waiting": "another scheduler has the turn"}
            try:
                self._work()
            finally:
                with suppress(redis.RedisError):
                    self._client.eval(scripts.RELEASE, 1, streams.SCHEDULER, self._owner)
        except DatabaseUnavailable as error:
            return self._result(f"the database: {error}")
        except (PublishError, redis.RedisError) as error:
            return self._result(f"the broker: {error}")
        return self._result("")

    def _work(self) -> None:
        seen_since = self._look()
        while (ids := self._changed_ids()) and self._goes_on():
            self._watch(ids)
        while (due := self._due()) and self._goes_on():
            stale = self._fire(due, seen_since)
            if stale:
                self._watch(stale)
            if self._publisher.backlog() > _MOST_BACKLOG:
                return

    # --- the steps

    def _look(self) -> datetime:
        """Note this look. Return since when schedulers have looked without a gap: what came before may be missed."""
        at = self._clock()
        with self._storage.looking() as connection:
            known = ScheduleLookRepository(connection).get()
        if known is not None and abs(at - known.at) < _NOTED:
            return known.since
        since = known.since if known is not None and abs(at - known.at) <= GRACE else at
        with changing(self._storage) as connection:
            ScheduleLookRepository(connection).put(Looks(since, at))
        return since

    def _changed_ids(self) -> list[str]:
        """Return schedules that changed, or that were computed with older time zones."""
        with self._storage.looking() as connection:
            ids = ScheduleChangeRepository(connection).ids(_AT_ONCE)
            return ids or ScheduleDueRepository(connection).of_older_zones(RELEASE, _AT_ONCE)

    def _watch(self, ids: Collection[str]) -> None:
        """Compute anew when these schedules are due, and forget their changes, in one transaction.

        The transaction holds the row of looks: of two at once, the later one reads what the other wrote.
        """
        now = self._clock()
        with changing(self._storage) as connection:
            ScheduleLookRepository(connection).get(lock=True)
            noted, due = ScheduleChangeRepository(connection), ScheduleDueRepository(connection)
            changes, schedules = _together(connection, ids)
            of_schedule: dict[str, list[Change]] = {}
            for change in changes:
                of_schedule.setdefault(change.schedule_id, []).append(change)
            before = due.of(ids)
            due.put([
                watched(schedules[id_], before.get(id_), of_schedule.get(id_, ()), now)
                for id_ in not_erased(connection, schedules)
            ])  # fmt: skip
            due.remove(before.keys() - schedules.keys())
            noted.remove(changes)
        self._changed += len(ids)

    def _due(self) -> Sequence[ScheduleDue]:
        """Return the first schedules that are due."""
        with self._storage.looking() as connection:
            return ScheduleDueRepository(connection).upcoming(until=self._clock(), limit=_AT_ONCE).items

    def _fire(self, due: Sequence[ScheduleDue], seen_since: datetime) -> list[str]:
        """Publish what is due, then note that it is done. Return the schedules that have changed since they were read.

        Raises PublishError if Redis does not confirm: then nothing is done.
        """
        now = self._clock()
        with self._storage.looking() as connection:
            schedules = ScheduleRepository(connection).get_many([row.schedule_id for row in due])
        fired: list[_Fired] = []
        stale, left = [], _AT_ONCE
        for row in due:
            one = self._of_any(row, schedules.get(row.schedule_id), now, seen_since, left)
            if one is None:
                stale.append(row.schedule_id)
            elif one.after is not row:
                fired.append(one)
                left -= one.times
        self._publish([event for one in fired for event in one.events])
        self._advance(fired)
        return stale

    def _publish(self, events: Sequence[Prepared]) -> None:
        if events:
            self._publisher.publish_many(events)

    def _advance(self, fired: Sequence[_Fired]) -> None:
        with changing(self._storage) as connection:
            ScheduleDueRepository(connection).advance([(one.before, one.after) for one in fired])
        self._fired += sum(one.times for one in fired)

    def _of_any(
        self, row: ScheduleDue, schedule: Schedule | None, now: datetime, seen_since: datetime, most: int
    ) -> _Fired | None:
        """Do as `_of_one`, or return None if the schedule has changed.

        A schedule at which Flowledger fails holds up no other.
        """
        try:
            if schedule is None or not is_watched_as(row, schedule):
                return None
            return self._of_one(row, schedule, now, seen_since, most) if most else _Fired(row, row, 0, [])
        except INTERRUPTIONS:
            raise
        except Exception as error:
            return _Fired(row, failed(row, error), 0, [])

    def _of_one(self, row: ScheduleDue, schedule: Schedule, now: datetime, seen_since: datetime, most: int) -> _Fired:
        """Return what is to be published of one schedule, at most so many due times."""
        timing = Timing.of(schedule)
        assert timing is not None
        assert row.done_until is not None
        since = max(seen_since, row.watched_since)
        try:
            times, done_until = step(
                timing, row.done_until, now=now, seen_since=since, missed=schedule.missed, most=most
            )
        except (LookupError, ValueError):
            return _Fired(row, with_next(row, timing), 0, [])
        events: list[Prepared] = []
        error: str | None = None
        for due_at in times:
            try:
                events += self._prepared(schedule, due_at)
            except Refused as refused:
                error = f"not fired at {written_time(due_at)}: {refused}"[:300]
                words = "a schedule was not fired at %s: %s %s"
                why = refused.reason, quoted(refused.field[:100])  # its words may quote the schedule
                logger.warning(words, written_time(due_at), *why, extra={"subject": schedule.id})
        after = with_next(replace(row, done_until=done_until, error=None), timing)
        return _Fired(row, replace(after, error=after.error or error), len(times), events)

    def _prepared(self, schedule: Schedule, due_at: datetime) -> list[Prepared]:
        events = events_of(schedule, due_at, self._settings.max_id_bytes)
        return [self._publisher.prepare(self._sign(event)) for event in events]

    # --- the turn

    def _begin(self) -> bool:
        """Take the turn, and answer the bell. Return whether no other scheduler has it."""
        SCHEDULES.answer(self._client)
        return bool(self._client.set(streams.SCHEDULER, self._owner, nx=True, px=int(self._lease_ms)))

    def _goes_on(self) -> bool:
        if self._is_stopping() or time.monotonic() - self._began >= self._settings.drain_seconds:
            return False
        return bool(self._client.eval(scripts.KEEP_TURN, 1, streams.SCHEDULER, self._owner, self._lease_ms))

    @property
    def _lease_ms(self) -> str:
        return str(int(self._settings.lease_seconds * 1000))

    def _result(self, waiting: str) -> ScheduleResult:
        seconds = round(time.monotonic() - self._began, 3)
        result = ScheduleResult(fired=self._fired, changed=self._changed, seconds=seconds)
        return result | ScheduleResult(waiting=waiting) if waiting else result


def _together(connection: Connection, ids: Collection[str]) -> tuple[list[Change], dict[str, Schedule]]:
    """Return changes and schedules of one moment: each change has had its effect, and each effect is among the changes.

    Each statement sees what was committed before it, so both are read again if changes came in between; after a few
    times the schedules may be the newer ones, whose changes are looked at next.
    """
    noted = ScheduleChangeRepository(connection)
    changes = noted.of(ids)
    for _ in range(_READS):
        schedules = ScheduleRepository(connection).get_many(ids)
        later = noted.of(ids)
        if len(later) == len(changes):
            break
        changes = later
    else:
        schedules = ScheduleRepository(connection).get_many(ids)
    return changes, schedules
