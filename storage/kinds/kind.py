"""A kind of records, as recorder, verify, repair and show see it: they read `storage.kinds.KINDS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table

from flowledger.domain.envelope import Event
from flowledger.domain.kinds.base import EventData
from flowledger.storage.merge.conditions import Condition
from flowledger.storage.merge.writes import Removal, Write
from flowledger.storage.paging import Page
from flowledger.storage.repository import Repository, SubjectRepository

Writer = Callable[[Event, str], Write | Removal | None]
"""Makes a write of an event and of the time it was recorded at (as `domain.times.sortable` gives it)."""


class Listed(NamedTuple):
    """Records that belong to one of a kind: what the list is called, who reads it, and which column names the one.

    `read` is a method of the repository that takes an id, `limit` and `after`.
    """

    name: str
    repository: type[Repository[Any]]
    read: Callable[..., Page[Any]]
    column: str

    def page(self, connection: Connection, id_: str, limit: int, after: str | None) -> Page[Any]:
        """Return a page of what belongs to the record `id_`."""
        return self.read(self.repository(connection), id_, limit=limit, after=after)


@dataclass(frozen=True, slots=True)
class Kind:
    """Records of one kind.

    `name` is what a record is called. `tables` are filled by the merge rule, the subject's own first. For each event
    type `events` has the writes that record it, in order, a row before the rows that refer to it, and `conditions`
    what must stand in the tables. `lists` are what belongs to a record.
    """

    name: str
    tables: tuple[Table, ...]
    repository: type[SubjectRepository[Any]]
    events: Mapping[type[EventData], tuple[Writer, ...]]
    conditions: Mapping[type[EventData], tuple[Callable[[Event], Condition], ...]] = field(default_factory=dict)
    lists: tuple[Listed, ...] = ()

    @property
    def table(self) -> Table:
        """The table of the subjects."""
        return self.tables[0]
