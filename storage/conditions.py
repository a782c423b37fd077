"""What must stand in the tables for an event to be recorded: asked in the very transaction that records it.

An event of which a condition does not hold writes nothing, and is told like one that was known before
(`storage.pipeline`); `workers.authority` finds out which it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, bindparam, exists, select

from domain.errors import Refused
from storage import tables

ConditionShape = tuple[str, str, bool]
"""A condition without its values: table, column, whether the value is required."""


class Condition(NamedTuple):
    """The row `id` of `table` has `value` in `column`; where that is not `required`, it may have none there as well.

    `refusal` says what is wrong where another value, or None, stands there.
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
        """In the order of `binds`."""
        return self.id, self.value

    @property
    def lock(self) -> str | None:
        """What two transactions must not claim at once: None where it does not matter which of them is first."""
        return None if self.required else f"{self.table} {self.id}"

    def broken(self, connection: Connection) -> Refused | None:
        """Why it does not hold now; None where it does."""
        table = tables.metadata.tables[self.table]
        found = connection.execute(select(table.c[self.column]).where(table.c.id == self.id)).scalar_one_or_none()
        holds = found == self.value or (found is None and not self.required)
        return None if holds else self.refusal(found)


def binds(prefix: str) -> tuple[str, str]:
    """The names of a condition's parameters in a statement."""
    return f"{prefix}id", f"{prefix}value"


def clause(shape: ConditionShape, prefix: str) -> ColumnElement[bool]:
    """The condition in SQL, the same on both databases."""
    name, column, required = shape
    table = tables.metadata.tables[name]
    id_, value = (bindparam(bind, type_=table.c.id.type) for bind in binds(prefix))
    if required:
        return exists().where(table.c.id == id_, table.c[column] == value)
    return ~exists().where(table.c.id == id_, table.c[column] != value)
