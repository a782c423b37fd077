"""Events recorded since the last look, each once, none missed, in any order of commits (`storage.ledger.marks`)."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from flowledger.domain.records import RecordedEvent
from flowledger.storage.ledger.event_texts import TABLE as TEXTS
from flowledger.storage.ledger.journal import READ, recorded
from flowledger.storage.ledger.journal import TABLE as EVENTS
from flowledger.storage.ledger.marks import Mark, in_order, is_new, mark_of
from flowledger.storage.replay.plain import ROWS_AT_ONCE
from flowledger.storage.transactions import snapshot
from flowledger.storage.unit_of_work import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A choice of events: of any of these types (`task.*` is all of a kind), sources and subjects; empty is all."""

    types: Sequence[str] = ()
    sources: Sequence[str] = ()
    subjects: Sequence[str] = ()

    def condition(self) -> ColumnElement[bool] | None:
        asked = []
        if self.types:
            asked.append(or_(*map(_is_type, self.types)))
        if self.sources:
            asked.append(EVENTS.c.source.in_(self.sources))
        if self.subjects:
            asked.append(EVENTS.c.subject.in_(self.subjects))
        return and_(*asked) if asked else None


class Tail:
    """The end of the journal: the first look yields the events recorded `since`, or none; each later one new events.

    A look is one snapshot, and ends when all of its events were taken. A look that was broken off is repeated.
    """

    def __init__(self, storage: Storage, wanted: Wanted, since: datetime | None = None) -> None:
        self._storage = storage
        self._wanted = wanted.condition()
        self._since = since
        self._mark: Mark | None = None

    def look(self) -> Generator[RecordedEvent]:
        """Yield new events in the order in which they were recorded. Raises DatabaseUnavailable."""
        of_past = self._mark is None and self._since is not None
        with snapshot(self._storage, *([TEXTS] if of_past else [])) as connection:
            mark = mark_of(connection, EVENTS)
            if self._mark is not None or self._since is not None:
                options = {"stream_results": True, "yield_per": ROWS_AT_ONCE}
                statement = self.statement(connection.dialect.name)
                with connection.execute(statement, execution_options=options) as rows:
                    yield from recorded(connection, rows)
        self._mark = mark

    def by_type(self) -> dict[str, int]:
        """Return how many new events of each type there are; a look of its own, which reads no texts."""
        with snapshot(self._storage) as connection:
            mark = mark_of(connection, EVENTS)
            found: dict[str, int] = {}
            if self._mark is not None:
                new = self.statement(connection.dialect.name).with_only_columns(EVENTS.c.type, func.count())
                rows = connection.execute(new.order_by(None).group_by(EVENTS.c.type))
                found = {row[0]: row[1] for row in rows}
        self._mark = mark
        return found

    def statement(self, dialect: str) -> Select[Any]:
        """Return the select of new events."""
        statement: Select[Any] = select(*READ)
        if self._mark is None:
            statement = statement.where(EVENTS.c.recorded_at >= self._since)
            statement = statement.order_by(EVENTS.c.recorded_at, EVENTS.c.source, EVENTS.c.id)
        else:
            statement = statement.where(is_new(EVENTS, self._mark, dialect)).order_by(*in_order(EVENTS, dialect))
        return statement if self._wanted is None else statement.where(self._wanted)


def _is_type(asked: str) -> ColumnElement[bool]:
    if asked.endswith("*"):
        return EVENTS.c.type.startswith(asked[:-1], autoescape=True)
    return EVENTS.c.type == asked
