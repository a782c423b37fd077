"""The sums of rows that went: counters begin with them, and never fall (docs/decisions/0050)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import Column, Connection, Select, Table, select, update
from sqlalchemy.dialects import postgresql, sqlite

from flowledger.storage.schema.columns import metadata
from flowledger.storage.schema.types import Json, Name

TABLE: Final = Table(
    "departed",
    metadata,
    Column("what", Name, primary_key=True),
    Column("sums", Json, nullable=False),
)
"""A row for each table of which rows have gone, changed in the transaction that deletes them."""


def of(table: Table) -> Select[Any]:
    """Return the select of the sums of what went from a table: one row, or none."""
    return select(TABLE.c.sums).where(TABLE.c.what == table.name)


def read(connection: Connection, table: Table) -> dict[str, Any]:
    """Return the sums of what went from a table."""
    sums: dict[str, Any] | None = connection.execute(of(table)).scalar_one_or_none()
    return sums or {}


def add(connection: Connection, table: Table, counts: Mapping[str, int]) -> None:
    """Add to the counts of what went from a table, by names, as `change` does."""
    if counts:
        change(connection, table, lambda sums: dict(Counter(sums) + Counter(counts)))


def change(connection: Connection, table: Table, changed: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Set the sums of a table to what `changed` makes of them (`{}` at first), alone until the transaction ends."""
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(TABLE).values(what=table.name, sums={}).on_conflict_do_nothing())
    is_it = TABLE.c.what == table.name
    sums = connection.execute(select(TABLE.c.sums).where(is_it).with_for_update()).scalar_one()
    connection.execute(update(TABLE).where(is_it).values(sums=changed(sums)))
