"""Conditions on the tables for an event to be recorded, checked in the same transaction that records it.

If a condition does not hold, the event writes nothing, and is reported like one that was known before
(`storage.engines.pipeline`); `workers.authority` finds out which of the two it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, bindparam, func, select

from flowledger.domain.errors import Refused
from flowledger.storage.schema.columns import metadata

ConditionShape = tuple[str, str, bool]
"""A condition without its values: table, column, whether the value is required."""

Standing = Mapping[tuple[str, str, str], str | None]
"""Values in some rows, by table, column and id."""


class Condition(NamedTuple):
    """The row `id` of `table` has `value` in `column`; if the value is not `required`, it may also be missing.

    `refusal` returns the refusal for another value, or None, in its place.
    """

    table: str
    id: str
    column: str
    value: str
    required: bool
    refusal: Callable[[str | None], Refused]

    @property
    def shape(self) -> ConditionShape:
        return self.table, self.column, self.required

    @property
    def values(self) -> tuple[str, str]:
        """The values of the parameters, in the order of `binds`."""
        return self.id, self.value

    @property
    def lock(self) -> str | None:
        """The name that two transactions must not claim at once; None if their order does not matter."""
        return None if self.required else f"{self.table} {self.id}"

    def broken(self, standing: Standing) -> Refused | None:
        """Return why the condition does not hold; None if it holds."""
        found = standing.get((self.table, self.column, self.id))
        holds = found == self.value or (found is None and not self.required)
        return None if holds else self.refusal(found)


def standing_for(connection: Connection, conditions: Iterable[Condition]) -> Standing:
    """Return the current values that these conditions check, with one query for each column."""
    asked: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in conditions:
        asked[one.table, one.column].add(one.id)
    found: dict[tuple[str, str, str], str | None] = {}
    for (name, column), ids in asked.items():
        table = metadata.tables[name]
        rows = connection.execute(select(table.c.id, table.c[column]).where(table.c.id.in_(ids)))
        found |= {(name, column, id_): value for id_, value in rows}
    return found


def binds(prefix: str) -> tuple[str, str]:
    """Return the names of a condition's parameters in a statement."""
    return f"{prefix}id", f"{prefix}value"


def clause(shape: ConditionShape, prefix: str) -> ColumnElement[bool]:
    """Return the condition in SQL, the same on both databases: the row is found by its key, not by the value."""
    name, column, required = shape
    table = metadata.tables[name]
    id_, value = (bindparam(bind, type_=table.c.id.type) for bind in binds(prefix))
    found = select(table.c[column]).where(table.c.id == id_).scalar_subquery()
    return (found if required else func.coalesce(found, value)) == value
