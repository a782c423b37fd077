"""Horizons: up to which time what was recorded may be gone (docs/contract/retention.md).

They only move forward, and are committed before anything goes. Who compares the journal with the tables reads them, and
who records reads that of names: an unknown event whose `time` is before it may have been recorded, and is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Column, Connection, Table, Text, select
from sqlalchemy.dialects import postgresql, sqlite

from flowledger.domain.keeping import KEPT
from flowledger.domain.times import sortable
from flowledger.storage.schema.columns import metadata, one_of
from flowledger.storage.schema.partitions import monday_of
from flowledger.storage.schema.types import UtcTime

TABLE: Final = Table(
    "horizons",
    metadata,
    *one_of("what", "kept", Text(), KEPT, primary_key=True),
    Column("horizon", UtcTime, nullable=False),
    Column("moved_at", UtcTime, nullable=False),
)
"""At most a row for each of `domain.keeping.KEPT`."""

OF_EVENTS: Final = {"task_logs": "logs", "metrics": "metrics", "audit_logs": "audit"}
"""Tables whose rows are events', and what of `KEPT` they are."""
OF_WHOLES: Final = ("executions", "tasks", "messages")
"""Tables whose rows go as whole things, by the horizons of rows and of what is unfinished."""


def of_wholes(stand: Mapping[str, datetime]) -> str:
    """Return the time before which an event may be about something that went; as text, empty if there is none."""
    return max((sortable(stand[what]) for what in ("rows", "unfinished") if what in stand), default="")


def of_events(stand: Mapping[str, datetime], table: Table) -> str:
    """Return the time before which rows of this table, which are events', may be gone; empty if they stay."""
    what = OF_EVENTS.get(table.name)
    return sortable(stand[what]) if what is not None and what in stand else ""


def read(connection: Connection) -> dict[str, datetime]:
    """Return the horizons that stand, by what they are about."""
    return {row.what: row.horizon for row in connection.execute(select(TABLE.c.what, TABLE.c.horizon))}


def rows_gone_before(connection: Connection) -> datetime | None:
    """Return the horizon of rows if texts or log lines from before it may be left; else None.

    What these belonged to is not known any more: they are erased, and held, by their own ids.
    """
    stand = read(connection)
    rows = max((stand[what] for what in ("rows", "unfinished") if what in stand), default=None)
    if rows is None:
        return None
    others = (stand.get(what) for what in ("texts", "logs"))
    by_week = connection.dialect.name == "postgresql"
    return rows if any(one is None or (monday_of(one) if by_week else one) < rows for one in others) else None


def move(connection: Connection, what: str, horizon: datetime, *, at: datetime) -> bool:
    """Move a horizon forward, never back; commit it before anything goes. Return whether it was moved."""
    insert: Any = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(TABLE)
    new = insert.values(what=what, horizon=horizon, moved_at=at)
    moved = new.on_conflict_do_update(
        index_elements=["what"],
        set_={"horizon": new.excluded.horizon, "moved_at": new.excluded.moved_at},
        where=new.excluded.horizon > TABLE.c.horizon,
    )
    return connection.execute(moved).rowcount == 1
