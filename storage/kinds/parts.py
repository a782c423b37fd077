"""The parts of kinds: a subject's row, the report of a status, and values in the form that databases accept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import Table

from flowledger.domain import json_text
from flowledger.domain.envelope import Event
from flowledger.domain.keys import earliest_key, event_key, latest_key, owner_of_order
from flowledger.domain.kinds.base import Deleted, Described, EventData, Part
from flowledger.domain.statuses import RANKS, Status
from flowledger.domain.times import sortable
from flowledger.storage.merge.description import Derived, Description
from flowledger.storage.merge.groups import CREATED_AT, DELETED_AT, STARTED_AT, UPDATED_AT, Group, group
from flowledger.storage.merge.writes import Write
from flowledger.storage.schema.types import JsonText, UtcTime

DESCRIPTION: Final = "description"
"""The key of a table's description in its `info`."""

Times = Mapping[str, Collection[StrEnum] | None]
"""Columns for the time of a report, each with its statuses (None: any); a report of another status sets null."""


class _Told(NamedTuple):
    """What the events of a type report: a status, its rank if it has one, some of the fields, some of the times.

    Found once: a member of an Enum is slow to hash.
    """

    status: str
    rank: int | None
    fields: tuple[str, ...]
    times: tuple[str, ...]


class Report:
    """The status group of a row: the status, and the columns that an event reports with it.

    `fields` are columns named like fields of event data; for `times` see `Times`. `ranked` statuses are compared by the
    whole key of CONTRACT §3; of others the last report counts.
    """

    def __init__(self, table: Table, *fields: str, times: Times | None = None, ranked: bool = False) -> None:
        self._table = table
        self._fields = fields
        self._times = dict(times or {})
        self._ranked = ranked
        self.group: Group = group("status_key", "status", *fields, *self._times)
        self._of_model: dict[type[EventData], _Told] = {}

    def add(self, write: Write, event: Event, recorded_at: str, **values: Any) -> Write:
        """Add the event's report; `values` are for columns without a field of the same name."""
        data = event.data
        told = self._of_model.get(type(data)) or self._told_by(type(data))
        values["status"] = told.status
        for name in told.fields:
            values[name] = reported(self._table, data, name)
        for name in told.times:
            values[name] = moment(event, recorded_at)
        key = event.order if told.rank is None else event_key(data.attempt, told.rank, event.order)
        return write.group(self.group, key, **values)

    def _told_by(self, model: type[EventData]) -> _Told:
        status = model.status
        assert status is not None
        fields = tuple(name for name in self._fields if name in model.model_fields)
        times = tuple(name for name, those in self._times.items() if those is None or status in those)
        rank = RANKS[Status(status)] if self._ranked else None
        told = self._of_model[model] = _Told(status.value, rank, fields, times)
        return told


class Subject:
    """The row of a subject: a status, a description, times. Its methods make the writes of its events.

    Every event of a subject makes the row if it is missing, and counts for `created_at` (and `updated_at`).
    """

    def __init__(
        self,
        table: Table,
        created: type[Described],
        *fields: str,
        times: Times | None = None,
        ranked: bool = False,
        derived: tuple[Derived, ...] = (),
    ) -> None:
        """Make the parts of `table` once; `created` has the description's fields, the rest is as in `Report`.

        `derived` are columns that are made of fields of the description.
        """
        self.table = table
        self.description = Description(tuple(name for name in created.model_fields if name != "attempt"), derived)
        self.status = Report(table, *fields, times=times, ranked=ranked) if "status" in table.c else None
        self._is_updated = "updated_at" in table.c
        table.info[DESCRIPTION] = self.description

    def mention(self, event: Event, recorded_at: str, *, creates: bool = False) -> Write:
        """Write the row and its times alone."""
        write = Write(self.table, id=event.subject)
        time = moment(event, recorded_at)
        write.group(CREATED_AT, earliest_key(event.time, preferred=creates), created_at=time)
        if self._is_updated:
            write.group(UPDATED_AT, latest_key(event.time), updated_at=time)
        return write

    def create(self, event: Event, recorded_at: str) -> Write:
        """Write a description, and the first report."""
        write = self.mention(event, recorded_at, creates=True)
        if self.status is not None:
            self.status.add(write, event, recorded_at)
        return self._describe(write, event, "0")

    def update(self, event: Event, recorded_at: str) -> Write:
        """Write fields of the description, which override those of `create`."""
        return self._describe(self.mention(event, recorded_at), event, "1")

    def report(self, event: Event, recorded_at: str, **values: Any) -> Write:
        """Write a status; see `Report.add`."""
        assert self.status is not None
        return self.status.add(self.mention(event, recorded_at), event, recorded_at, **values)

    def start(self, event: Event, recorded_at: str) -> Write:
        """Write a status, and `started_at`."""
        return started(self.report(event, recorded_at), event, recorded_at)

    def delete(self, event: Event, recorded_at: str) -> Write:
        """Write `deleted_at`: the time of the last such report, null if it is not a deletion. `restore` is the same."""
        time = moment(event, recorded_at) if isinstance(event.data, Deleted) else None
        return self.mention(event, recorded_at).group(DELETED_AT, event.order, deleted_at=time)

    restore = delete

    def _describe(self, write: Write, event: Event, precedence: str) -> Write:
        """Add the fields of the description that the event carries."""
        carried = event.data.model_fields_set
        values = {name: stored(self.table, event.data, name) for name in self.description.fields if name in carried}
        return write.describe(self.description, precedence + event.order, values)


def started(write: Write, event: Event, recorded_at: str) -> Write:
    """Add `started_at`: the earliest time of any `started`."""
    return write.group(STARTED_AT, earliest_key(event.time), started_at=moment(event, recorded_at))


def part_key(event: Event) -> str:
    """Return the key of a group without a status."""
    return event_key(event.data.attempt, 0, event.order)


def described_by(key: str) -> tuple[str, str]:
    """Return source and id of the event that owns a field of a description by this key; empty texts if none does."""
    return owner_of_order(key[1:]) if key else ("", "")


def moment(event: Event, recorded_at: str) -> str:
    """Return the event's own time, or the journal's if it has none (CONTRACT §2)."""
    return event.time or recorded_at


def stored(table: Table, data: EventData, name: str) -> Any:
    """Return a field in the form of its column; None if it is null."""
    value = getattr(data, name)
    return None if value is None else _form_of(table, name)(value)


def reported(table: Table, data: EventData, name: str) -> Any:
    """Return a reported field in the same form; an explicit null is JSON's null, which is a value in an *any* field."""
    value = stored(table, data, name)
    return "null" if value is None and name in data.model_fields_set and _form_of(table, name) is _json else value


@cache
def _form_of(table: Table, name: str) -> Callable[[Any], Any]:
    """Return what makes a column's value of a field's. Cached: SQLAlchemy takes 0.3 µs to find a column."""
    kind = table.c[name].type
    if isinstance(kind, JsonText):
        return _json
    return sortable if isinstance(kind, UtcTime) else _as_it_is


def _json(value: Any) -> str:
    return json_text.dumps(value.model_dump(exclude_unset=True) if isinstance(value, Part) else value)


def _as_it_is(value: Any) -> Any:
    return value
