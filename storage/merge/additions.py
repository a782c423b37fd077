"""Sums: the one part of a row to which each event adds its value, in place of an owner.

The other parts may be written any number of times. An addition may be written once: it relies on the event's journal
row, which is inserted in the same transaction, and only if the event is new. The result does not depend on the order,
because nothing is rounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, func, literal_column, true

from flowledger.domain.decimals import added, decimal_text
from flowledger.storage.merge.groups import Bind, Merged

_ADD: Final = "ledger_add"
"""The function that adds decimal texts on SQLite."""


@dataclass(frozen=True, slots=True, eq=False)
class Addition:
    """The columns `count sum min max` of a row."""

    @property
    def binds(self) -> Sequence[str]:
        return "sum", "min", "max"

    @staticmethod
    def values(value: float) -> list[Any]:
        """Return the values of a write, in the order of `binds`."""
        value += 0.0  # the least of 0 and -0 would depend on the order
        return [decimal_text(value), value, value]

    def inserted(self, bind: Bind) -> dict[str, ColumnElement[Any]]:
        return {"count": literal_column("1")} | {name: bind(name) for name in self.binds}

    def merged(self, table: Table, excluded: Any, bind: Bind, dialect: str) -> Merged:  # noqa: ARG002
        kept, offered = table.c, excluded
        if dialect == "postgresql":
            total: ColumnElement[Any] = kept["sum"].op("+")(offered["sum"])
            least, greatest = "least", "greatest"
        else:
            total = getattr(func, _ADD)(kept["sum"], offered["sum"])
            least, greatest = "min", "max"
        assignments = {
            "count": kept["count"] + literal_column("1"),
            "sum": total,
            "min": getattr(func, least)(kept["min"], offered["min"]),
            "max": getattr(func, greatest)(kept["max"], offered["max"]),
        }
        return Merged(assignments, true())


def make_functions(connection: Any) -> None:
    """Make what additions need on a connection with SQLite."""
    connection.create_function(_ADD, 2, added, deterministic=True)
