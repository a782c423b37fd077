"""A kind of records, for recorder, verify, repair and show, which read `storage.kinds.KINDS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
"""Makes a write of an event and the time it was recorded at (in the form of `domain.times.sortable`)."""


class Listed(NamedTuple):
    """A list of records that belong to a record of a kind: its name, its repository, and the column of the owner's id.

    `read` is a method of the repository that takes an id, `limit` and `after`. Of a list with a `tail`, which only
    grows, people want to see the last rows.
    """

    name: str
    repository: type[Repository[Any]]
    read: Callable[..., Page[Any]]
    column: str
    tail: bool = False

    def page(self, connection: Connection, id_: str, limit: int, after: str | None) -> Page[Any]:
        """Return a page of the records that belong to the record `id_`."""
        return self.read(self.repository(connection), id_, limit=limit, after=after)


@dataclass(frozen=True, slots=True)
class Kind:
    """Records of one kind.

    `name` is the name of a record. `tables` are filled by the merge rule, the subject's own first. For each event type,
    `events` has the writes that record it, in order, a row before the rows that refer to it, and `conditions` those
    that must hold in the tables. `lists` are the lists that belong to a record. `repaired` is called in the
    transaction of a repair, with the ids of subjects of which it has changed rows.

    A kind may have a row for each event, and none for a subject: then it has no `repository` of subjects, its first
    table has the rows of the events, `subject` is the column of the subject's id in each of its tables, and its `lists`
    belong to an id of which nothing else need be recorded. `further` repositories read tables that belong to no list.
    """

    name: str
    tables: tuple[Table, ...]
    repository: type[SubjectRepository[Any]] | None
    events: Mapping[type[EventData], tuple[Writer, ...]]
    conditions: Mapping[type[EventData], tuple[Callable[[Event], Condition], ...]] = field(default_factory=dict)
    lists: tuple[Listed, ...] = ()
    further: tuple[type[Repository[Any]], ...] = ()
    subject: str = "id"
    repaired: Callable[[Connection, Sequence[str]], None] | None = None

    @property
    def table(self) -> Table:
        """The table of the subjects, or of the events."""
        return self.tables[0]

    @property
    def repositories(self) -> tuple[type[Repository[Any]], ...]:
        """The repositories of the kind's tables, one a table."""
        own = () if self.repository is None else (self.repository,)
        found = {one.table: one for one in (*own, *(listed.repository for listed in self.lists), *self.further)}
        return tuple(found[table] for table in self.tables if table in found)
