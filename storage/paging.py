"""Pages of rows: by keyset (`after` a cursor, stable while rows are added) as well as by limit and offset."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Column, ColumnElement, Row, Select, bindparam, tuple_

from flowledger.domain.errors import InvalidArgument, LedgerError
from flowledger.domain.json_text import is_plain
from flowledger.domain.kinds.fields import INT64_MAX

Record = TypeVar("Record")

MAX_LIMIT: Final = 1000
MAX_OFFSET: Final = 2**31 - 1


class BadCursor(LedgerError):
    """The cursor is not from a page of this list; start again without one."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Record]):
    """Some rows in order; `cursor` asks for those after them, and is None on the last page."""

    items: tuple[Record, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Order:
    """Columns that order a list completely (the last ones are unique), all ascending or all descending."""

    columns: tuple[Column[Any], ...]
    descending: bool = False

    def page(self, statement: Select[Any], limit: int, offset: int, after: str | None) -> Select[Any]:
        """Return `statement` in this order, from after the cursor on, with one more row to see if there are more.

        Raises BadCursor, and InvalidArgument if limit or offset cannot be used.
        """
        check_limit(limit)
        if not 0 <= offset <= MAX_OFFSET:
            raise InvalidArgument(f"offset must be 0 to {MAX_OFFSET}, not {offset}")
        return self.first(statement, limit + 1, after).offset(offset)

    def first(self, statement: Select[Any], rows: int, after: str | None) -> Select[Any]:
        """Return so many rows of `statement` in this order, from after the cursor on. Raises BadCursor."""
        return self.behind(statement, after).order_by(*self.by()).limit(rows)

    def behind(self, statement: Select[Any], after: str | None) -> Select[Any]:
        """Return the rows of `statement` that come after the cursor in this order. Raises BadCursor."""
        return statement if after is None else statement.where(self._behind(_decode(after, self.columns)))

    def by(self, columns: Any = None) -> list[ColumnElement[Any]]:
        """Return the terms of ORDER BY; `columns` are those of a subquery that holds the same ones."""
        found = self.columns if columns is None else [columns[column.name] for column in self.columns]
        return [column.desc() if self.descending else column.asc() for column in found]

    def cursor(self, row: Row[Any]) -> str:
        """Return the cursor of `row`, which has the columns of the order."""
        return _encode([row._mapping[column.name] for column in self.columns])

    def _behind(self, values: Sequence[Any]) -> ColumnElement[bool]:
        """Return (a, b) > (x, y), as rows: the only form for which PostgreSQL starts at that place of the index."""
        place = tuple_(*(bindparam(None, value, c.type) for c, value in zip(self.columns, values, strict=True)))
        columns = tuple_(*self.columns)
        return columns < place if self.descending else columns > place


def check_limit(limit: int, most: int = MAX_LIMIT) -> None:
    """Raise InvalidArgument if a list cannot have this limit."""
    if not 1 <= limit <= most:
        raise InvalidArgument(f"limit must be 1 to {most}, not {limit}")


def _encode(values: list[Any]) -> str:
    plain = [{"time": value.isoformat()} if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode()


def _decode(cursor: str, columns: Sequence[Column[Any]]) -> list[Any]:
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        found = [datetime.fromisoformat(value["time"]) if isinstance(value, dict) else value for value in values]
    except (ValueError, KeyError, TypeError, RecursionError):
        found = []
    if [type(value) for value in found] != [column.type.python_type for column in columns] or not all(
        _can_be_bound(value) for value in found
    ):
        raise BadCursor(f"not a cursor of this list: {cursor[:40]!r}; start again without one")
    return found


def _can_be_bound(value: Any) -> bool:
    if isinstance(value, datetime):
        return value.utcoffset() == timedelta(0)
    return abs(value) <= INT64_MAX if isinstance(value, int) else is_plain(str(value))
