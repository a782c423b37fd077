"""Conditions on the tables for an event to be recorded, checked in the same transaction that records it.

If a condition does not hold, the event writes nothing, and is reported like one that was known before
(`storage.engines.pipeline`); `workers.authority` finds out which of the two it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, Table, bindparam, func, select

from flowledger.domain.errors import Refused
from flowledger.domain.times import sortable
from flowledger.storage.schema.columns import metadata


class Relation(StrEnum):
    """How the value of the row must relate to that of the condition."""

    IS = "is"
    IS_IF_ANY = "is_if_any"
    """It may also be missing."""
    UNTIL_IF_ANY = "until_if_any"
    """It is not greater, or it is missing."""


ConditionShape = tuple[str, str, Relation]
"""A condition without its values: table, column, relation."""

Standing = Mapping[tuple[str, str, str], str | None]
"""Values in some rows, by table, column and id."""


class Condition(NamedTuple):
    """What the row with the primary key `id` of `table` has in `column` has this `relation` to `value`.

    `refusal` returns the refusal for what it has instead, or None. Times are in the form of `domain.times.sortable`.
    """

    table: str
    id: str
    column: str
    value: str
    relation: Relation
    refusal: Callable[[str | None], Refused]

    @property
    def shape(self) -> ConditionShape:
        return self.table, self.column, self.relation

    @property
    def values(self) -> tuple[str, str]:
        """The values of the parameters, in the order of `binds`."""
        return self.id, self.value

    @property
    def lock(self) -> str | None:
        """The name that two transactions must not claim at once; None if their order does not matter."""
        return f"{self.table} {self.id}" if self.relation is Relation.IS_IF_ANY else None

    def broken(self, standing: Standing) -> Refused | None:
        """Return why the condition does not hold; None if it holds."""
        found = standing.get((self.table, self.column, self.id))
        return None if _holds(self.relation, found, self.value) else self.refusal(found)


def standing_for(connection: Connection, conditions: Iterable[Condition]) -> Standing:
    """Return the current values that these conditions check, with one query for each column."""
    asked: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in conditions:
        asked[one.table, one.column].add(one.id)
    found: dict[tuple[str, str, str], str | None] = {}
    for (name, column), ids in asked.items():
        table = metadata.tables[name]
        key = _key(table)
        rows = connection.execute(select(key, table.c[column]).where(key.in_(ids)))
        found |= {(name, column, id_): sortable(value) if isinstance(value, datetime) else value for id_, value in rows}
    return found


def binds(prefix: str) -> tuple[str, str]:
    """Return the names of a condition's parameters in a statement."""
    return f"{prefix}id", f"{prefix}value"


def clause(shape: ConditionShape, prefix: str) -> ColumnElement[bool]:
    """Return the condition in SQL, the same on both databases: the row is found by its key, not by the value."""
    name, column, relation = shape
    table = metadata.tables[name]
    key, types = _key(table), (_key(table).type, table.c[column].type)
    id_, value = (bindparam(bind, type_=type_) for bind, type_ in zip(binds(prefix), types, strict=True))
    found = select(table.c[column]).where(key == id_).scalar_subquery()
    if relation is Relation.IS:
        return found == value
    any_: ColumnElement[bool] = func.coalesce(found, value)
    return any_ == value if relation is Relation.IS_IF_ANY else any_ <= value


def _holds(relation: Relation, found: str | None, value: str) -> bool:
    if found is None:
        return relation is not Relation.IS
    return found <= value if relation is Relation.UNTIL_IF_ANY else found == value


def _key(table: Table) -> Column[str]:
    (key,) = table.primary_key
    return key
