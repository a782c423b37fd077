"""Filters of lists: equality with a text or with one of some texts, and a time between two others."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Table

from flowledger.domain.errors import InvalidArgument, UnknownFilter
from flowledger.domain.json_text import plain
from flowledger.storage.schema.columns import VALUES

Filter = str | Collection[str] | None
"""A value that a column must have, or several of which it must have one; None leaves the column out."""

MAX_VALUES: Final = 100
"""Most values of one filter."""


def having(table: Table, listed_by: Collection[str], of: Mapping[str, Filter]) -> list[ColumnElement[bool]]:
    """Return the conditions that columns have these values.

    Raises UnknownFilter for a column that is not in `listed_by`, and InvalidArgument for a value that it cannot have.
    """
    unknown = [name for name in of if name not in listed_by]
    if unknown:
        raise UnknownFilter(table.name, unknown[0], tuple(listed_by))
    return [_equals(table.c[name], value) for name, value in of.items() if value is not None]


def between(column: Column[datetime], since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    """Return the conditions of a time from `since` to before `until`; None is no bound.

    Raises InvalidArgument for a time without a zone.
    """
    begins = [] if since is None else [column >= _utc("since", since)]
    return begins if until is None else [*begins, column < _utc("until", until)]


def _utc(name: str, moment: datetime) -> datetime:
    try:
        if moment.utcoffset() is not None:
            return moment.astimezone(UTC)
    except (AttributeError, OverflowError):
        pass
    raise InvalidArgument(f"{name} must be a datetime with a zone, as datetime.now(UTC), not {moment!r}")


def _equals(column: Column[Any], value: str | Collection[str]) -> ColumnElement[bool]:
    if isinstance(value, str):
        return column == _checked(column, value)
    values = list(dict.fromkeys(_checked(column, one) for one in _listed(column, value)))
    if len(values) > MAX_VALUES:
        raise InvalidArgument(f"{column.name} takes {MAX_VALUES} values at most, not {len(values)}")
    return column == values[0] if len(values) == 1 else column.in_(values)


def _listed(column: Column[Any], value: Any) -> Iterable[Any]:
    if isinstance(value, Collection) and not isinstance(value, bytes | Mapping):
        return value
    raise InvalidArgument(f"{column.name} must be a text or a list of texts, not {type(value).__name__}")


def _checked(column: Column[Any], value: Any) -> str:
    """Return a value in the form in which rows have it."""
    if not isinstance(value, str):
        raise InvalidArgument(f"{column.name} must be a text or a list of texts, not {type(value).__name__}")
    values = column.info.get(VALUES)
    if values is not None and value not in values:
        raise InvalidArgument(f"{column.table.name}.{column.name} is one of {', '.join(values)}, not {value[:100]!a}")
    return plain(str(value))
