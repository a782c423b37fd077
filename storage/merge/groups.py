"""Column groups: the merge rule of CONTRACT §3 as data, from which `storage.merge.writes` makes SQL.

Within a row each group belongs, as a whole, to the event with the greatest key (or, for the earliest of times, the
least). The row keeps that key beside the group. Groups are compared by identity: make each once, in its kind's file,
otherwise every event builds a statement of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from sqlalchemy import ColumnElement, Table, case, or_, tuple_

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
    Among equal keys the time in the column `then` decides, if there is one: the key need not hold it once more.
    """

    columns: tuple[str, ...]
    key: str
    least: bool = False
    then: str | None = None

    @property
    def binds(self) -> Sequence[str]:
        return self.key, *self.columns

    def inserted(self, bind: Bind) -> dict[str, ColumnElement[Any]]:
        return {name: bind(name) for name in self.binds}

    def merged(self, table: Table, excluded: Any, bind: Bind, dialect: str) -> Merged:  # noqa: ARG002
        key = table.c[self.key]
        kept, offered = self._place(table.c), self._place(excluded)
        wins: ColumnElement[bool] = offered < kept if self.least else offered > kept
        if key.nullable:
            wins = or_(key.is_(None), wins)
        return Merged({name: case((wins, excluded[name]), else_=table.c[name]) for name in self.binds}, wins)

    def _place(self, columns: Any) -> Any:
        """What is compared."""
        return columns[self.key] if self.then is None else tuple_(columns[self.key], columns[self.then])


def group(key: str, *columns: str) -> Group:
    """Return a group of `columns`, whose owner's key stands in `key`: the greatest key owns it."""
    return Group(columns, key)


def earliest(column: str) -> Group:
    """Return the group of a time that is the earliest of some events (`domain.keys.earliest_key`)."""
    return Group((column,), f"{column}_key", least=True, then=column)


CREATED_AT: Final = earliest("created_at")
STARTED_AT: Final = earliest("started_at")
UPDATED_AT: Final = Group(("updated_at",), "updated_at_key", then="updated_at")
DELETED_AT: Final = group("deleted_key", "deleted_at")
