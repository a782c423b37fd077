"""Lists narrowed by a condition that no index serves: of so many rows in order, those that meet it.

A page reads at most `MOST` rows of the list that it narrows, however few of them it keeps and however long the list is.
If that is not enough to fill it, `looked_back_to` is the time of the last row read, and the cursor goes on behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final, Generic, NamedTuple

from sqlalchemy import ColumnElement, Select, func, select

from flowledger.storage.paging import Order, check_limit
from flowledger.storage.repository import Record, Repository

MOST: Final = 10_001
"""Rows of a list that one page reads at most."""

Condition = Callable[[Any], ColumnElement[bool]]
"""Makes a condition of the columns of the rows that were read."""


@dataclass(frozen=True, slots=True)
class Narrowed(Generic[Record]):
    """Some records in order. `looked_back_to` is None unless the page ended before it was full and before the list."""

    items: tuple[Record, ...]
    cursor: str | None
    looked_back_to: datetime | None = None


class Counted(NamedTuple):
    """How many of the first rows of a list meet a condition, and how many rows were read."""

    kept: int
    read: int


class NarrowingRepository(Repository[Record]):
    """Reads lists that a condition without an index narrows. Their order begins with a time."""

    most: ClassVar[int] = MOST
    """Rows that one page reads at most."""

    def _narrowed(
        self, rows: Select[Any], condition: Condition, order: Order, limit: int, after: str | None
    ) -> Narrowed[Record]:
        check_limit(limit)
        shown = {column.name for column in rows.selected_columns}
        rows = rows.add_columns(*(column for column in order.columns if column.name not in shown))
        read = order.first(rows, self.most, after)
        found = read.subquery("looked_at")
        wanted = select(found).where(condition(found.c)).order_by(*order.by(found.c)).limit(limit + 1)
        kept = self.connection.execute(wanted).all()
        items = tuple(map(self._record, kept[:limit]))
        if len(kept) > limit:
            return Narrowed(items, order.cursor(kept[limit - 1]))
        end = read.with_only_columns(*order.columns, maintain_column_froms=True).offset(self.most - 1).limit(1)
        last = self.connection.execute(end).one_or_none()
        return Narrowed(items, None) if last is None else Narrowed(items, order.cursor(last), last[0])

    def _count_narrowed(self, rows: Select[Any], condition: Condition, order: Order) -> Counted:
        found = order.first(rows, self.most, None).subquery("looked_at")
        counts = select(func.count().filter(condition(found.c)), func.count()).select_from(found)
        return Counted._make(self.connection.execute(counts).one())
