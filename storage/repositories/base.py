"""What the repositories share: reading rows as records, and the groups that several tables have."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from functools import lru_cache
from typing import Any, ClassVar, Final, Generic, TypeVar

from sqlalchemy import Connection, Row, Select, Table, func, select

from flowledger.domain import json_text
from flowledger.domain.envelope import Event
from flowledger.domain.events import EventData, Part
from flowledger.domain.keys import earliest_has_time, earliest_key, event_key, has_time, owner_of_order
from flowledger.domain.statuses import RANKS, TERMINAL_RANK, Status
from flowledger.domain.times import sortable
from flowledger.storage.groups import CREATED_AT, DESCRIPTION, STARTED_AT, Group
from flowledger.storage.paging import Order, Page
from flowledger.storage.writes import Write

Record = TypeVar("Record")

_TOOK: Final = "took_seconds"
_TEXT_FIELDS: Final = frozenset({"reason"})
_STATUS_FIELDS: Final = ("error", "output", "reason", "usage", "final_state", "state")
_JSON_DESCRIPTIONS: Final = frozenset(
    {"input", "initial_state", "settings", "agent_config", "resource_limits", "connection", "health"}
)


class Repository(Generic[Record]):
    """Reads rows of one table as records, over a connection that the caller owns."""

    table: ClassVar[Table]
    record: ClassVar[type[Any]]

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def count(self, **values: str) -> int:
        """Return how many rows there are that have these values in these columns."""
        having = [self.table.c[name] == value for name, value in values.items()]
        return self.connection.execute(select(func.count()).select_from(self.table).where(*having)).scalar_one()

    def _select(self) -> Select[Any]:
        return select(*(self.table.c[field.name] for field in fields(self.record)))

    def _one(self, statement: Select[Any]) -> Record | None:
        row = self.connection.execute(statement).one_or_none()
        return None if row is None else self._record(row)

    def _page(self, statement: Select[Any], order: Order, limit: int, offset: int, after: str | None) -> Page[Record]:
        shown = {column.name for column in statement.selected_columns}
        statement = statement.add_columns(*(column for column in order.columns if column.name not in shown))
        rows = self.connection.execute(order.page(statement, limit, offset, after)).all()
        cursor = order.cursor(rows[limit - 1]) if len(rows) > limit else None
        return Page(tuple(self._record(row) for row in rows[:limit]), cursor)

    def _record(self, row: Row[Any]) -> Record:
        record: Record = self.record(**{field.name: row._mapping[field.name] for field in fields(self.record)})
        return record


class Timed(Repository[Record]):
    """Reads rows that have a start and an end: their records say how long it took (`domain.records`)."""

    def _select(self) -> Select[Any]:
        shown = (self.table.c[field.name] for field in fields(self.record) if field.name != _TOOK)
        return select(*shown, self.table.c.started_at_key, self.table.c.status_key)

    def _record(self, row: Row[Any]) -> Record:
        values = dict(row._mapping)
        record: Record = self.record(
            **{field.name: values[field.name] for field in fields(self.record) if field.name != _TOOK},
            took_seconds=_took_seconds(values),
        )
        return record


def _took_seconds(row: dict[str, Any]) -> float | None:
    began, ended = row["started_at"], row["finished_at"]
    if began is None or ended is None or ended < began:
        return None
    has_times = earliest_has_time(row["started_at_key"]) and has_time(row["status_key"])
    took: float = (ended - began).total_seconds()
    return took if has_times else None


def mention(table: Table, event: Event, recorded_at: str, *, creates: bool = False) -> Write:
    """The row of the event's subject, and its `created_at`: every event makes the first and counts for the second."""
    write = Write(table, id=event.subject)
    key = earliest_key(event.time, recorded_at, preferred=creates)
    return write.group(CREATED_AT, key, created_at=moment(event, recorded_at))


def report(write: Write, group: Group, event: Event, recorded_at: str, **identity: Any) -> Write:
    """The status group: what the event says of its subject, or of a node run."""
    data = event.data
    assert isinstance(data.status, Status)
    rank = RANKS[data.status]
    values = _reported(data) | identity
    if rank == TERMINAL_RANK:
        values["finished_at"] = moment(event, recorded_at)
    return write.group(group, event_key(data.attempt, rank, event.order), **values)


def report_in_order(write: Write, group: Group, event: Event, **times: Any) -> Write:
    """The status group where statuses have no ranks: the last report stands, whatever its attempt."""
    return write.group(group, event.order, **_reported(event.data), **times)


def start(write: Write, event: Event, recorded_at: str) -> Write:
    """`started_at`: the earliest time of any `started`."""
    return write.group(STARTED_AT, earliest_key(event.time, recorded_at), started_at=moment(event, recorded_at))


def describe(write: Write, event: Event, *, updates: bool) -> Write:
    """The fields of the description that the event carries, each a group of its own."""
    key = ("1" if updates else "0") + event.order
    groups = DESCRIPTION[write.table]
    carried = event.data.model_fields_set
    return write.fields(groups, key, {name: described(event.data, name) for name in groups if name in carried})


def described_by(description_key: str) -> tuple[str, str]:
    """The event that a field of a description is of, by source and id; two empty texts where none is."""
    return owner_of_order(description_key[1:]) if description_key else ("", "")


def described(data: EventData, name: str) -> Any:
    """A field of a description in the form the databases take; None, which clears it, where it is null."""
    value = getattr(data, name)
    return _json(value) if name in _JSON_DESCRIPTIONS and value is not None else value


def written(data: EventData, name: str) -> Any:
    """A field of event data in the form the databases take: JSON text, but for plain text fields.

    None where the event leaves the field out; an explicit null of an *any* field is the JSON text `null`.
    """
    value = getattr(data, name)
    if value is None and name not in data.model_fields_set:
        return None
    if name in _TEXT_FIELDS:
        return value
    return _json(value)


def moment(event: Event, recorded_at: str) -> str:
    """The event's own time, or the journal's where it has none (CONTRACT §2)."""
    return event.time or recorded_at


def time_or_none(time: datetime | None) -> str | None:
    return None if time is None else sortable(time)


def _json(value: Any) -> str:
    return json_text.dumps(value.model_dump(exclude_unset=True) if isinstance(value, Part) else value)


def _reported(data: EventData) -> dict[str, Any]:
    """The status, and what the event says along with it."""
    assert data.status is not None
    return {"status": data.status.value} | {name: written(data, name) for name in _status_fields(type(data))}


@lru_cache(maxsize=256)
def _status_fields(model: type[EventData]) -> tuple[str, ...]:
    return tuple(name for name in _STATUS_FIELDS if name in model.model_fields)
