"""How many events are gone by name, by type: counters begin with them, and never fall (docs/decisions/0050)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Connection, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from flowledger.storage.schema.columns import metadata
from flowledger.storage.schema.types import Name

TABLE: Final = Table(
    "departed",
    metadata,
    Column("type", Name, primary_key=True),
    Column("count", BigInteger, nullable=False),
)
"""Changed in the transaction that deletes the names."""


def add(connection: Connection, counts: Mapping[str, int]) -> None:
    """Add to the counts of these types, in the order of their names, so that two who do so wait for no circle."""
    insert: Any = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(TABLE)
    added = insert.on_conflict_do_update(
        index_elements=["type"], set_={"count": TABLE.c["count"] + insert.excluded["count"]}
    )
    if counts:
        connection.execute(added, [{"type": type_, "count": counts[type_]} for type_ in sorted(counts)])


def read(connection: Connection) -> dict[str, int]:
    """Return how many events of each type are gone by name."""
    return {row[0]: row[1] for row in connection.execute(select(TABLE.c.type, TABLE.c["count"]))}
