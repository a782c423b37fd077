"""Events recorded since the last look: each once, none missed, in any order of commits.

Neither `recorded_at` nor a counter shows this: workers' clocks differ, and a row written first may be committed last.
On PostgreSQL each look remembers its snapshot. New are the rows that the current snapshot sees and the one before did
not; the index of `recorded_in` finds the transactions in question. A restored dump brings numbers of another server's
transactions: rows whose own `xmin` differs are not new. On SQLite, where one transaction writes at a time, rows are
numbered in the order of their commits.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, func, literal_column, or_, select, text

from flowledger.domain.records import RecordedEvent
from flowledger.storage.ledger.journal import TABLE as EVENTS
from flowledger.storage.replay.plain import ROWS_AT_ONCE
from flowledger.storage.transactions import snapshot
from flowledger.storage.unit_of_work import Storage

_NAMES: Final = tuple(field.name for field in fields(RecordedEvent))

_MARK: Final[dict[str, Select[Any]]] = {
    "postgresql": select(literal_column("pg_current_snapshot()::text")),
    "sqlite": select(func.coalesce(func.max(literal_column("rowid")), 0)).select_from(EVENTS),
}
_NEW: Final = {
    "postgresql": text(
        "recorded_in >= (pg_snapshot_xmin((:mark)::pg_snapshot)::text)::bigint"
        " AND NOT pg_visible_in_snapshot((recorded_in::text)::xid8, (:mark)::pg_snapshot)"
        " AND recorded_in & 4294967295 = (events.xmin::text)::bigint"
    ),
    "sqlite": text("rowid > :mark"),
}
_ORDER: Final = {
    "postgresql": (EVENTS.c.recorded_in, EVENTS.c.recorded_at),
    "sqlite": (literal_column("rowid"),),
}


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
        self._mark: str | int | None = None

    def look(self) -> Generator[RecordedEvent]:
        """Yield new events in the order in which they were recorded. Raises DatabaseUnavailable."""
        with snapshot(self._storage) as connection:
            mark = connection.execute(_MARK[connection.dialect.name]).scalar_one()
            if self._mark is not None or self._since is not None:
                options = {"stream_results": True, "yield_per": ROWS_AT_ONCE}
                statement = self.statement(connection.dialect.name)
                with connection.execute(statement, execution_options=options) as rows:
                    for row in rows:
                        yield RecordedEvent(**dict(zip(_NAMES, row, strict=True)))
        self._mark = mark

    def by_type(self) -> dict[str, int]:
        """Return how many new events of each type there are; a look of its own, which reads no texts."""
        with snapshot(self._storage) as connection:
            mark = connection.execute(_MARK[connection.dialect.name]).scalar_one()
            found: dict[str, int] = {}
            if self._mark is not None:
                new = self.statement(connection.dialect.name).with_only_columns(EVENTS.c.type, func.count())
                rows = connection.execute(new.order_by(None).group_by(EVENTS.c.type))
                found = {row[0]: row[1] for row in rows}
        self._mark = mark
        return found

    def statement(self, dialect: str) -> Select[Any]:
        """Return the select of new events."""
        statement: Select[Any] = select(*(EVENTS.c[name] for name in _NAMES))
        if self._mark is None:
            statement = statement.where(EVENTS.c.recorded_at >= self._since)
            statement = statement.order_by(EVENTS.c.recorded_at, EVENTS.c.source, EVENTS.c.id)
        else:
            new = _NEW[dialect].bindparams(mark=self._mark)
            statement = statement.where(new).order_by(*_ORDER[dialect])
        return statement if self._wanted is None else statement.where(self._wanted)


def _is_type(asked: str) -> ColumnElement[bool]:
    if asked.endswith("*"):
        return EVENTS.c.type.startswith(asked[:-1], autoescape=True)
    return EVENTS.c.type == asked
