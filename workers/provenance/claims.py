"""What one event claims of rows: for each group that it writes, the key by which it competes with other events.

The claims are read from the event's writes, which are those of the recorder, so no rule stands here a second time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import Table

from flowledger.domain import json_text
from flowledger.domain.envelope import Event
from flowledger.domain.statuses import RANKS, Status
from flowledger.storage import tables
from flowledger.storage.kinds import MERGED, transaction_of
from flowledger.storage.merge.additions import Addition
from flowledger.storage.merge.description import Description
from flowledger.storage.merge.groups import Group
from flowledger.storage.merge.writes import Write
from flowledger.workers.damage import has_one_event

_MERGED: Final = frozenset(table.name for table in MERGED)

RowKey = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Teller:
    """An event as far as its keys depend on it. Times are text in the form of `domain.times.sortable`.

    `rank` is None if the event reports no status, or one without ranks. `order` is the event's `order_key`.
    """

    source: str
    id: str
    type: str
    time: str | None
    sequence: str | None
    attempt: int
    status: str | None
    rank: int | None
    recorded_at: str
    order: str

    @classmethod
    def of(cls, event: Event, recorded_at: str) -> Teller:
        """Return what is kept of an event: neither its data nor its text, for a subject may have many events."""
        status = event.data.status
        return cls(
            event.source, event.id, event.type, event.time, event.sequence, event.data.attempt,
            None if status is None else str(status), RANKS[status] if isinstance(status, Status) else None,
            recorded_at, event.order,
        )  # fmt: skip


class Contest(NamedTuple):
    """What events compete for: some columns of one row, and which of them wins.

    `key` is the column that holds the owner's key, None if the columns belong to one event or are sums. `field` names a
    field of a description, whose key stands in two columns. `then` is the column of the time that decides among equal
    keys. With `least` the least key wins.
    """

    table: Table
    row: RowKey
    columns: tuple[str, ...]
    key: str | None = None
    then: str | None = None
    least: bool = False
    field: str | None = None
    adds: bool = False

    @property
    def name(self) -> str:
        """The name of the group: its column, or, of several, that of its key's column (`status`, `sent` …)."""
        if self.adds:
            return "sums"
        if self.key is None:
            return "row"
        return self.columns[0] if self.field is not None or len(self.columns) == 1 else self.key.removesuffix("_key")


class Claim(NamedTuple):
    """A claim of an event in a contest: the value of its key, and its time if the contest has a `then`."""

    teller: Teller
    key: Any = None
    then: str | None = None


def claims(event: Event, recorded_at: str) -> Iterator[tuple[Contest, Claim]]:
    """Yield what an event claims, of each row that it writes."""
    teller = Teller.of(event, recorded_at)
    for write in transaction_of(event, 0, recorded_at).writes:
        if isinstance(write, Write) and write.table in _MERGED:
            yield from _of_write(write, teller)


def _of_write(write: Write, teller: Teller) -> Iterator[tuple[Contest, Claim]]:
    table = tables.metadata.tables[write.table]
    values = iter(write.values)
    given = {name: next(values) for name in write.given}
    items: Sequence[Any] = [None] if write.each is None else json_text.loads(next(values))
    parts = [(part, [next(values) for _ in part.binds]) for part in write.parts]
    for item in items:
        row = given if write.each is None else given | {write.each.column: item}
        key = tuple(row[column.name] for column in table.primary_key)
        if has_one_event(table):
            columns = tuple(column.name for column in table.c if not column.primary_key)
            yield Contest(table, key, columns), Claim(teller)
        for part, bound in parts:
            yield from _of_part(table, key, part, dict(zip(part.binds, bound, strict=True)), teller)


def _of_part(
    table: Table, row: RowKey, part: Any, values: Mapping[str, Any], teller: Teller
) -> Iterator[tuple[Contest, Claim]]:
    if isinstance(part, Group):
        columns = part.columns or (part.key,)
        contest = Contest(table, row, columns, part.key, part.then, part.least)
        yield contest, Claim(teller, values[part.key], None if part.then is None else values[part.then])
    elif isinstance(part, Addition):
        yield Contest(table, row, ("count", *part.binds), adds=True), Claim(teller)
    elif isinstance(part, Description):
        key, mask = values[part.binds[0]], values[part.binds[1]]
        for place, name in enumerate(part.fields):
            if mask & 2**place:
                derived = (one.column for one in part.derived if one.field == name)
                yield Contest(table, row, (name, *derived), part.binds[0], field=name), Claim(teller, key)
