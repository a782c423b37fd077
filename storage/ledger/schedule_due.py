"""When schedules are due next: what the scheduler keeps beside `schedules` (docs/decisions/0043).

Not a function of the journal, so `verify` ignores these tables. Each event that may change a due time adds a row to
`schedule_changes` in its own transaction: so the scheduler finds what changed without a look at all schedules.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    Index,
    Integer,
    Table,
    Text,
    bindparam,
    delete,
    func,
    literal,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from flowledger.domain.envelope import Event
from flowledger.domain.statuses import Switch
from flowledger.domain.times import now, written_time
from flowledger.storage.merge.writes import Write
from flowledger.storage.paging import Order, Page
from flowledger.storage.repository import Repository
from flowledger.storage.schema.columns import ROOM_FOR_UPDATES, index_where_given, metadata
from flowledger.storage.schema.types import Name, UtcTime

_FAILED: Final = text("error IS NOT NULL")

TABLE: Final = Table(
    "schedule_due",
    metadata,
    Column("schedule_id", Name, primary_key=True),
    Column("next_due_at", UtcTime),
    Column("done_until", UtcTime),
    Column("watched_since", UtcTime, nullable=False),
    Column("computed_from", Text, nullable=False),
    Column("zones", Name, nullable=False),
    Column("error", Text),
    *index_where_given("schedule_due", "next_due_at", "schedule_id"),
    Index("ix_schedule_due_zones", "zones", "schedule_id"),
    Index("ix_schedule_due_error", "schedule_id", postgresql_where=_FAILED, sqlite_where=_FAILED),
    **ROOM_FOR_UPDATES,
)

CHANGES: Final = Table(
    "schedule_changes",
    metadata,
    Column("schedule_id", Name, primary_key=True),
    Column("source", Name, primary_key=True),
    Column("event_id", Name, primary_key=True),
    Column("type", Text, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
)

LOOKS: Final = Table(
    "schedule_looks",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False, server_default="1"),
    Column("since", UtcTime, nullable=False),
    Column("at", UtcTime, nullable=False),
    CheckConstraint("one = 1", name="one"),
)
"""One row: since when schedulers have looked without a gap, and when one looked last."""

_SOON_FIRST: Final = Order((TABLE.c.next_due_at, TABLE.c.schedule_id))
_BY_ID: Final = Order((TABLE.c.schedule_id,))
_REPAIR: Final = "/flowledger/repair"
_IMPORT: Final = "/flowledger/import"
_NO_ZONES: Final = "~"
"""In place of a release of the time zones: nothing is computed yet, and none is newer."""
IMPORTED: Final = "imported"
"""The type of a change that no event reports: the schedule was imported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleDue:
    """When a schedule is due next; None: never, as it stands, or it cannot be computed, which `error` explains.

    Due times up to `done_until` are done; None if there never was one to wait for. Those before `watched_since` passed
    before a scheduler knew the schedule as it is. `computed_from` is the JSON text of what `next_due_at` was computed
    from, `zones` the release of the time zones.
    """

    schedule_id: str
    next_due_at: datetime | None
    done_until: datetime | None
    watched_since: datetime
    computed_from: str
    zones: str
    error: str | None


class Change(NamedTuple):
    """An event that may have changed the due times of a schedule: its type, and its time."""

    schedule_id: str
    source: str
    event_id: str
    type: str
    changed_at: datetime


class Looks(NamedTuple):
    """Since when schedulers have looked without a gap, and when one looked last."""

    since: datetime
    at: datetime


def note(event: Event, recorded_at: str) -> Write:
    """Write that the scheduler has to look at the event's schedule."""
    return Write(
        CHANGES,
        schedule_id=event.subject,
        source=event.source,
        event_id=event.id,
        type=event.type,
        changed_at=event.time or recorded_at,
    )


def note_past(event: Event, recorded_at: str) -> Write:
    """Write that due times before now are done, if nobody ever watched the event's schedule: its past is imported.

    Nothing is due by this row. It counts once the schedule is watched, by the end of the import or by an event.
    """
    return Write(
        TABLE,
        schedule_id=event.subject,
        done_until=recorded_at,
        watched_since=recorded_at,
        computed_from="",
        zones=_NO_ZONES,
    )


def note_repaired(connection: Connection, ids: Iterable[str]) -> None:
    """Note that the rows of these schedules were repaired: no event does."""
    at = now()
    rows = [{"schedule_id": one, "source": _REPAIR, "event_id": written_time(at), "changed_at": at} for one in ids]
    if rows:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(dialect.insert(CHANGES).on_conflict_do_nothing(), [row | {"type": ""} for row in rows])


def note_imported(connection: Connection) -> None:
    """Note that schedules were imported, all of them: what was due before now lapses, unless a scheduler waits for it
    already.

    All that are enabled are noted, also those that the import did not touch: the scheduler finds nothing new there.
    """
    schedules = metadata.tables["schedules"]  # by name: its file imports this one
    at = now()
    values = (literal(value, column.type) for value, column in zip(
        (_IMPORT, written_time(at), IMPORTED, at),
        (CHANGES.c.source, CHANGES.c.event_id, CHANGES.c.type, CHANGES.c.changed_at), strict=True,
    ))  # fmt: skip
    is_on = (schedules.c.status == Switch.ENABLED.value) & schedules.c.deleted_at.is_(None)
    rows = select(schedules.c.id, *values).where(is_on, schedules.c.expression.is_not(None))
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    names = ["schedule_id", "source", "event_id", "type", "changed_at"]
    connection.execute(dialect.insert(CHANGES).from_select(names, rows).on_conflict_do_nothing())


class ScheduleDueRepository(Repository[ScheduleDue]):
    """Reads when schedules are due, and writes it for the scheduler."""

    table = TABLE
    record = ScheduleDue

    def get(self, schedule_id: str) -> ScheduleDue | None:
        return self._one(self._select().where(TABLE.c.schedule_id == schedule_id))

    def upcoming(
        self, *, until: datetime | None = None, limit: int = 50, offset: int = 0, after: str | None = None
    ) -> Page[ScheduleDue]:
        """Return a page of the schedules that are due some time, the soonest first; those due by `until`, if given."""
        statement = self._select().where(TABLE.c.next_due_at.is_not(None))
        if until is not None:
            statement = statement.where(TABLE.c.next_due_at <= until)
        return self._page(statement, _SOON_FIRST, limit, offset, after)

    def failing(self, *, limit: int = 50, offset: int = 0, after: str | None = None) -> Page[ScheduleDue]:
        """Return a page of the schedules with an `error`, in order of their ids."""
        return self._page(self._select().where(TABLE.c.error.is_not(None)), _BY_ID, limit, offset, after)

    def count_failing(self) -> int:
        """Return how many schedules have an `error`."""
        return self._count_where(TABLE.c.error.is_not(None))

    def count_due(self, until: datetime) -> int:
        """Return how many schedules are due by then."""
        return self._count_where(TABLE.c.next_due_at <= until)

    def of(self, ids: Collection[str]) -> dict[str, ScheduleDue]:
        """Return the rows of these schedules, by id."""
        rows = self.connection.execute(self._select().where(TABLE.c.schedule_id.in_(ids)))
        return {row.schedule_id: self._record(row) for row in rows}

    def of_older_zones(self, zones: str, limit: int) -> list[str]:
        """Return schedules that were computed with an older release of the time zones than `zones`."""
        statement = select(TABLE.c.schedule_id).where(TABLE.c.zones < zones).order_by(TABLE.c.zones).limit(limit)
        return list(self.connection.execute(statement).scalars())

    def put(self, rows: Sequence[ScheduleDue]) -> None:
        """Write the rows, in place of any of the same schedules."""
        if rows:
            dialect = postgresql if self.connection.dialect.name == "postgresql" else sqlite
            insert = dialect.insert(TABLE)
            changed = {column.name: insert.excluded[column.name] for column in TABLE.c if not column.primary_key}
            statement = insert.on_conflict_do_update(index_elements=["schedule_id"], set_=changed)
            names = [column.name for column in TABLE.c]
            self.connection.execute(statement, [{name: getattr(row, name) for name in names} for row in rows])

    def advance(self, rows: Sequence[tuple[ScheduleDue, ScheduleDue]]) -> None:
        """Write what has become of rows after their times were published, unless somebody has changed them since."""
        if rows:
            was = (TABLE.c.schedule_id, TABLE.c.done_until, TABLE.c.computed_from)
            names = ("next_due_at", "done_until", "error")
            statement = update(TABLE).where(*(column == bindparam(f"was_{column.name}") for column in was))
            statement = statement.values({name: bindparam(f"new_{name}", type_=TABLE.c[name].type) for name in names})
            self.connection.execute(statement, [
                {f"was_{column.name}": getattr(before, column.name) for column in was}
                | {f"new_{name}": getattr(after, name) for name in names}
                for before, after in rows
            ])  # fmt: skip

    def remove(self, ids: Collection[str]) -> None:
        """Delete the rows of these schedules."""
        if ids:
            self.connection.execute(delete(TABLE).where(TABLE.c.schedule_id.in_(ids)))

    def _count_where(self, which: Any) -> int:
        return self.connection.execute(select(func.count()).select_from(TABLE).where(which)).scalar_one()


class ScheduleChangeRepository:
    """What the scheduler has to look at, over a connection that the caller owns."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def ids(self, limit: int) -> list[str]:
        """Return schedules that have changes, at most `limit`: those of the first changes."""
        ids = select(CHANGES.c.schedule_id).order_by(*CHANGES.primary_key).limit(limit)
        return list(dict.fromkeys(self.connection.execute(ids).scalars()))

    def of(self, ids: Collection[str]) -> list[Change]:
        """Return the changes of these schedules."""
        statement = select(CHANGES).where(CHANGES.c.schedule_id.in_(ids))
        return [Change._make(row) for row in self.connection.execute(statement)]

    def remove(self, changes: Sequence[Change]) -> None:
        """Delete these changes, and no others, which may have come since."""
        if changes:
            key = tuple_(CHANGES.c.schedule_id, CHANGES.c.source, CHANGES.c.event_id)
            self.connection.execute(delete(CHANGES).where(key.in_([change[:3] for change in changes])))


class ScheduleLookRepository:
    """The one row of schedulers' looks, over a connection that the caller owns."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def get(self, *, lock: bool = False) -> Looks | None:
        """Return the row, locked until the end of the transaction if asked for; None before the first look."""
        statement = select(LOOKS.c.since, LOOKS.c.at)
        row = self.connection.execute(statement.with_for_update() if lock else statement).one_or_none()
        return None if row is None else Looks(row.since, row.at)

    def put(self, looks: Looks) -> None:
        """Write the row."""
        dialect = postgresql if self.connection.dialect.name == "postgresql" else sqlite
        insert = dialect.insert(LOOKS).values(one=1, since=looks.since, at=looks.at)
        changed = {"since": insert.excluded.since, "at": insert.excluded["at"]}
        self.connection.execute(insert.on_conflict_do_update(index_elements=["one"], set_=changed))
