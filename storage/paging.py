"""Pages of rows: by keyset (`after` a cursor, stable while rows come in) as well as by limit and offset."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Column, ColumnElement, Select, and_, or_

from domain.errors import LedgerError

Record = TypeVar("Record")

MAX_LIMIT: Final = 1000


class BadCursor(LedgerError):
    """The cursor is none that a page of this list gave; start again without one."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Record]):
    """Some rows in order; `cursor` asks for the ones behind them, and is None on the last page."""

    items: tuple[Record, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Order:
    """Columns that order a list completely (the last ones are unique), all ascending or all descending."""

    columns: tuple[Column[Any], ...]
    descending: bool = False

    def page(self, statement: Select[Any], limit: int, offset: int, after: str | None) -> Select[Any]:
        """`statement` in this order, from behind the cursor on; one row more than asked says whether there are more.

        Raises BadCursor, and ValueError where limit or offset cannot be used.
        """
        if not 1 <= limit <= MAX_LIMIT:
            raise ValueError(f"limit must be 1 to {MAX_LIMIT}, not {limit}")
        if offset < 0:
            raise ValueError(f"offset must not be negative, not {offset}")
        if after is not None:
            statement = statement.where(self._behind(_decode(after, len(self.columns))))
        order = [column.desc() if self.descending else column.asc() for column in self.columns]
        return statement.order_by(*order).limit(limit + 1).offset(offset)

    def cursor(self, row: Any) -> str:
        """The cursor that stands for `row`."""
        return _encode([getattr(row, column.name) for column in self.columns])

    def _behind(self, values: Sequence[Any]) -> ColumnElement[bool]:
        """(a, b) > (x, y) as a > x OR a = x AND b > y, which both databases answer from the index."""
        alternatives = []
        for place, (column, value) in enumerate(zip(self.columns, values, strict=True)):
            equal = [c == v for c, v in zip(self.columns[:place], values, strict=False)]
            alternatives.append(and_(*equal, column < value if self.descending else column > value))
        return or_(*alternatives)


def _encode(values: list[Any]) -> str:
    plain = [{"time": value.isoformat()} if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode()


def _decode(cursor: str, length: int) -> list[Any]:
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        decoded = [datetime.fromisoformat(value["time"]) if isinstance(value, dict) else value for value in values]
    except (ValueError, KeyError, TypeError):
        decoded = []
    if len(decoded) != length:
        raise BadCursor(f"not a cursor of this list: {cursor[:40]!r}; start again without one")
    return decoded
