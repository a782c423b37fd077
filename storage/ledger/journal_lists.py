"""Pages of the journal, the last recorded first: what people look at. The events come without their texts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, true

from flowledger.domain.json_text import plain
from flowledger.domain.records import ListedEvent
from flowledger.storage.filters import between
from flowledger.storage.ledger.journal import TABLE
from flowledger.storage.many import first_of_each
from flowledger.storage.narrowed import Counted, Narrowed, NarrowingRepository
from flowledger.storage.paging import Order, Page

NEWEST_FIRST: Final = Order((TABLE.c.recorded_at, TABLE.c.source, TABLE.c.id), descending=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """A choice of events: `since` and `until` are times of recording; a type may be that of a kind (`task.*`)."""

    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    type: str | None = None
    source: str | None = None

    @property
    def narrows(self) -> bool:
        """Whether there is a condition that no index serves."""
        return self.type is not None or self.source is not None

    def clauses(self) -> list[ColumnElement[bool]]:
        """Return the conditions that indexes serve."""
        times = between(TABLE.c.recorded_at, self.since, self.until)
        return times if self.subject is None else [TABLE.c.subject == plain(self.subject), *times]

    def condition(self, columns: Any) -> ColumnElement[bool]:
        """Return the other conditions."""
        asked: list[ColumnElement[bool]] = [] if self.source is None else [columns.source == plain(self.source)]
        if self.type is not None:
            is_kind = self.type.endswith("*")
            type_ = plain(self.type)
            asked.append(columns.type.startswith(type_[:-1], autoescape=True) if is_kind else columns.type == type_)
        return and_(true(), *asked)


ALL: Final = EventFilter()


class ListedEventRepository(NarrowingRepository[ListedEvent]):
    table = TABLE
    record = ListedEvent

    def newest(self, only: EventFilter = ALL, *, limit: int = 50, after: str | None = None) -> Narrowed[ListedEvent]:
        """Return a page of events. By type and source, at most `narrowed.MOST` events are read for it."""
        rows = self._select().where(*only.clauses())
        if only.narrows:
            return self._narrowed(rows, only.condition, NEWEST_FIRST, limit, after)
        page = self._page(rows, NEWEST_FIRST, limit, 0, after)
        return Narrowed(page.items, page.cursor)

    def count(self, only: EventFilter = ALL, *, most: int) -> int:  # type: ignore[override]
        """Return the number of events that `newest` lists, by indexes alone; no more than `most` are counted."""
        return self._count(self._select().where(*only.clauses()), most)

    def count_narrowed(self, only: EventFilter) -> Counted:
        """Return how many of the last events match."""
        return self._count_narrowed(self._select().where(*only.clauses()), only.condition, NEWEST_FIRST)

    def of_subjects(self, subjects: Collection[str], *, limit: int = 50, after: str | None = None) -> Page[ListedEvent]:
        """Return a page of the events of any of these subjects. Of each, as many are read by the index as fit on it."""
        ids = [plain(one) for one in subjects]
        rows = NEWEST_FIRST.behind(self._select(), after)
        most = limit + 1
        found = first_of_each(self.connection, rows, TABLE.c.subject, ids, order=NEWEST_FIRST, limit=most)
        return self._part(self.connection.execute(found.limit(most)).all(), NEWEST_FIRST, limit)
