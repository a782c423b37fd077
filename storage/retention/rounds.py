"""What the last round of retention of each role did, and where one that is not over goes on.

A round does what its role may. So each role has its own: one that may not delete neither hides what another has done,
nor ends its round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Column, Connection, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite

from flowledger.storage.schema.columns import metadata
from flowledger.storage.schema.types import Json, Name, UtcTime

TABLE: Final = Table(
    "rounds",
    metadata,
    Column("role", Name, primary_key=True),
    Column("began_at", UtcTime, nullable=False),
    Column("turned_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("steps", Json, nullable=False),
    Column("went", Json, nullable=False),
    Column("waits", Json, nullable=False),
    Column("place", Json),
)
"""A row for each role: its last round. Only people read it; a round that was killed is done again from its place."""

REGULAR: Final = timedelta(days=2)
"""Who has done a round within this time does them regularly: with a round a day, say, which may last."""

COMMAND: Final = "`flowledger maintain`"
"""Stands in the words of what no round of a worker can do, and of nothing else that waits."""
FAULT: Final = "a fault of Flowledger"
"""Stands in the words of what no round can do until a release mends it."""


@dataclass(slots=True, kw_only=True)
class Round:
    """A round: `ended_at` is None while it is not over; `turned_at` is when its last turn was over.

    `role` is that of PostgreSQL, empty on SQLite; `steps` are those that it may do. `went` counts the rows that went,
    by table. `waits` tells, by the names of steps, why something that is old enough is still there. `place` is where
    the next turn goes on: a step's name, and where in it.
    """

    role: str = ""
    began_at: datetime
    turned_at: datetime | None = None
    ended_at: datetime | None = None
    steps: list[str] = field(default_factory=list)
    went: dict[str, int] = field(default_factory=dict)
    waits: dict[str, str] = field(default_factory=dict)
    place: list[Any] | None = None

    @property
    def last_at(self) -> datetime:
        """When something was last done for it: a round may last for days."""
        return self.turned_at or self.ended_at or self.began_at

    def add(self, went: Mapping[str, int]) -> None:
        """Count rows that went."""
        for name, rows in went.items():
            if rows:
                self.went[name] = self.went.get(name, 0) + rows


def role_of(connection: Connection) -> str:
    """Return the role whose rights count; on SQLite there are none."""
    if connection.dialect.name != "postgresql":
        return ""
    role: str = connection.execute(select(func.current_user())).scalar_one()
    return role


def last_ones(connection: Connection) -> list[Round]:
    """Return the last round of each role, the newest first."""
    rows = connection.execute(select(*(TABLE.c[name] for name in Round.__slots__)))
    return sorted((Round(**row._mapping) for row in rows), key=lambda one: one.last_at, reverse=True)


def telling(last: Sequence[Round]) -> Round | None:
    """Return the round that tells most of what goes: of those that are done regularly, one that may do most steps."""
    regular = [one for one in last if one.last_at > last[0].last_at - REGULAR]
    return max(regular, key=lambda one: len(one.steps), default=None)


def done_regularly(last: Sequence[Round], role: str, now: datetime) -> set[str]:
    """Return the steps that other roles than this one do regularly."""
    others = (one for one in last if one.role != role and one.last_at > now - REGULAR)
    return {name for one in others for name in one.steps}


def refused(last: Sequence[Round], within: timedelta) -> dict[str, str]:
    """Return the steps that do not go by themselves, and why, by the newest round and those `within` before it.

    Some need `flowledger maintain`: not those that other roles do regularly. At others Flowledger fails, or they
    take too long for a role that may do them: these are told until its next round, if it does rounds regularly.
    """
    found: dict[str, str] = {}
    for one in last:
        before = last[0].last_at - one.last_at
        done = done_regularly(last, one.role, last[0].last_at)
        for name, why in one.waits.items():
            is_meant = FAULT in why or (COMMAND in why and name not in done)
            if is_meant and before <= (max(within, REGULAR) if FAULT in why or name in one.steps else within):
                found[name] = why
    return found


def read(connection: Connection) -> Round | None:
    """Return the last round as people see it; None before the first."""
    return telling(last_ones(connection))


def write(connection: Connection, one: Round) -> None:
    """Write a round in place of the last one of its role."""
    insert: Any = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(TABLE)
    values = asdict(one) | {"turned_at": one.last_at}
    new = insert.values(**values)
    connection.execute(new.on_conflict_do_update(index_elements=["role"], set_=values))
