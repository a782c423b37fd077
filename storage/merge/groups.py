"""Column groups: the merge rule of CONTRACT §3 as data, from which `storage.merge.writes` makes SQL.

Within a row each group belongs, as a whole, to the event with the greatest key (or, for the earliest of times, the
least). The row keeps that key beside the group. Groups are compared by identity: make each once, in its kind's file,
otherwise every event builds a statement of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from sqlalchemy import ColumnElement, Table, case, or_

Bind = Callable[[str], ColumnElement[Any]]
"""Returns the parameter for the value of a column, by the column's name."""


class Merged(NamedTuple):
    """An event's changes to an existing row: new values of columns, and whether anything changes."""

    assignments: dict[str, ColumnElement[Any]]
    wins: ColumnElement[bool]


class Part(Protocol):
    """A part of a row that an event may write: a `Group`, a `Description` or an `Addition` (`storage.merge`)."""

    @property
    def binds(self) -> Sequence[str]:
        """The names of the parameters, in the order of a write's values."""

    def inserted(self, bind: Bind) -> dict[str, ColumnElement[Any]]:
        """Return the columns of a new row, and their values."""

    def merged(self, table: Table, excluded: Any, bind: Bind, dialect: str) -> Merged:
        """Return the changes to an existing row of `table`; `excluded` is the row that would have been inserted."""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Columns that have one owner; `key` is the column that holds the owner's key.

    A group without columns is its key: the greatest value wins. `least` marks a group that belongs to the least key.
    """

    columns: tuple[str, ...]
    key: str
    least: bool = False

    @property
    def binds(self) -> Sequence[str]:
        return self.key, *self.columns

    def inserted(self, bind: Bind) -> dict[str, ColumnElement[Any]]:
        return {name: bind(name) for name in self.binds}

    def merged(self, table: Table, excluded: Any, bind: Bind, dialect: str) -> Merged:  # noqa: ARG002
        kept, offered = table.c[self.key], excluded[self.key]
        wins = offered < kept if self.least else offered > kept
        if kept.nullable:
            wins = or_(kept.is_(None), wins)
        return Merged({name: case((wins, excluded[name]), else_=table.c[name]) for name in self.binds}, wins)


def group(key: str, *columns: str, least: bool = False) -> Group:
    """Return a group of `columns`, whose owner's key is in the column `key`."""
    return Group(columns, key, least)


CREATED_AT = group("created_at_key", "created_at", least=True)
STARTED_AT = group("started_at_key", "started_at", least=True)
UPDATED_AT = group("updated_at_key", "updated_at")
DELETED_AT = group("deleted_key", "deleted_at")
