"""What the last round of retention did, and where one that is not over goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import CheckConstraint, Column, Connection, Integer, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from flowledger.storage.schema.columns import metadata
from flowledger.storage.schema.types import Json, UtcTime

TABLE: Final = Table(
    "rounds",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("began_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("went", Json, nullable=False),
    Column("waits", Json, nullable=False),
    Column("place", Json),
    CheckConstraint("one = 1", name="one"),
)
"""One row: the last round. Only people read it; a round that was killed is done again from its place."""


COMMAND: Final = "`flowledger maintain`"
"""Stands in the words of what no round of a worker can do, and of nothing else that waits."""
FAULT: Final = "a fault of Flowledger"
"""Stands in the words of what no round can do until a release mends it."""


@dataclass(slots=True, kw_only=True)
class Round:
    """A round: `ended_at` is None while it is not over.

    `went` counts the rows that went, by table. `waits` tells, by what is kept (`domain.keeping.KEPT`), why something
    that is old enough is still there. `place` is where the next turn goes on: a step's name, and where in it.
    """

    began_at: datetime
    ended_at: datetime | None = None
    went: dict[str, int] = field(default_factory=dict)
    waits: dict[str, str] = field(default_factory=dict)
    place: list[Any] | None = None

    def add(self, went: Mapping[str, int]) -> None:
        """Count rows that went."""
        for name, rows in went.items():
            if rows:
                self.went[name] = self.went.get(name, 0) + rows


def read(connection: Connection) -> Round | None:
    """Return the last round; None before the first."""
    row = connection.execute(select(*(TABLE.c[name] for name in Round.__slots__))).one_or_none()
    return None if row is None else Round(**row._mapping)


def write(connection: Connection, one: Round) -> None:
    """Write a round in place of the last one."""
    insert: Any = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(TABLE)
    values = asdict(one)
    new = insert.values(one=1, **values)
    connection.execute(new.on_conflict_do_update(index_elements=["one"], set_=values))
