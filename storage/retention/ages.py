"""Whether a whole thing is old enough to go: what has to be so of each of its parts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import reduce
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, and_, exists, func, null, select

from flowledger.domain.statuses import TERMINAL
from flowledger.storage.kinds import messages
from flowledger.storage.ledger.journal import TABLE as EVENTS
from flowledger.storage.ledger.outbox import TABLE as OUTBOX
from flowledger.storage.retention.belonging import Member
from flowledger.storage.retention.holds import HELD
from flowledger.storage.retention.subjects import by_table

TERMINAL_VALUES: Final = tuple(sorted(status.value for status in TERMINAL))
_AT_ONCE: Final = 1_000
"""Ids of one statement; SQLite takes 32,766 parameters."""


class Horizons(NamedTuple):
    """Before which times wholes may go that have ended, and those that have not; None: never.

    Times of producers that are behind `now` do not count: they would keep a whole until they come.
    """

    ended: datetime | None
    unfinished: datetime | None
    now: datetime | None = None

    @property
    def latest(self) -> datetime:
        """The time behind which no whole may go."""
        return max(one for one in (self.ended, self.unfinished) if one is not None)


class Verdict(NamedTuple):
    """What is so of all parts of a whole, or of those that were looked at.

    Whether each has ended, and whether each lets the whole go: if all of it has ended, and if not.
    """

    has_ended: bool = True
    goes_ended: bool = True
    goes_unfinished: bool = True

    @property
    def goes(self) -> bool:
        """Whether the whole may go, if these are all of its parts."""
        return self.goes_ended if self.has_ended else self.goes_unfinished

    @property
    def stays(self) -> bool:
        """Whether the whole stays, whatever its other parts are."""
        return not self.goes_unfinished and not (self.has_ended and self.goes_ended)


NOTHING: Final = Verdict()
"""The verdict on what is not there."""


def all_of(verdicts: Iterable[Verdict]) -> Verdict:
    """Return what is so of all of these."""
    return reduce(lambda one, other: Verdict(*map(min, one, other)), verdicts, NOTHING)


class Verdicts(dict[tuple[str, str], Verdict]):
    """Verdicts on subjects, by table and id; of one that is not there, nothing."""

    def on(self, subjects: Iterable[Member]) -> Verdict:
        return all_of(self.get((one.table, one.id), NOTHING) for one in subjects)

    def know(self, subject: Member) -> bool:
        """Return whether a subject is there."""
        return (subject.table, subject.id) in self


def look_at(connection: Connection, subjects: Collection[Member], horizons: Horizons) -> Verdicts:
    """Return the verdicts on these subjects: by their status, end, last event, and whether they are held."""
    found = Verdicts()
    for table, ids in by_table(subjects):
        for begin in range(0, len(ids), _AT_ONCE):
            for row in connection.execute(_state(table, ids[begin : begin + _AT_ONCE])):
                found[table.name, row.id] = _verdict(row, horizons)
    return found


def _verdict(row: Any, horizons: Horizons) -> Verdict:
    has_ended = bool(row.has_ended)
    is_ahead = None not in (horizons.now, row.finished_at) and row.finished_at > horizons.now
    finished_at = None if is_ahead else row.finished_at
    return Verdict(
        has_ended,
        has_ended and not row.is_held and _are_before(horizons.ended, row.last_at, finished_at),
        not row.is_held and _are_before(horizons.unfinished, row.last_at),
    )


def _are_before(horizon: datetime | None, *times: datetime | None) -> bool:
    return horizon is not None and all(time is None or time < horizon for time in times)


def _state(table: Table, ids: Sequence[str]) -> Any:
    last_at = select(func.max(EVENTS.c.recorded_at)).where(EVENTS.c.subject == table.c.id).scalar_subquery()
    is_held = exists().where(HELD.c.subject == table.c.id)
    return select(
        table.c.id,
        _has_ended(table).label("has_ended"),
        table.c.get("finished_at", null()).label("finished_at"),
        last_at.label("last_at"),
        is_held.label("is_held"),
    ).where(table.c.id.in_(ids))


def _has_ended(table: Table) -> ColumnElement[bool]:
    """Return the condition that nothing more is to be expected of a subject, if its whole has ended."""
    if "status" in table.c:
        return table.c.status.in_(TERMINAL_VALUES)
    return and_(~messages.is_waiting(table.c), ~exists().where(OUTBOX.c.message_id == table.c.id))
