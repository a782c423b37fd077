"""Drains of the past: a row for each turn that recorded, buried or waited for something. Rows are only added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Index, Integer, Select, Table, Text, text
from sqlalchemy.dialects import postgresql, sqlite

from flowledger.domain.json_text import plain
from flowledger.domain.records import DrainRecord
from flowledger.storage.filters import between
from flowledger.storage.paging import Order, Page
from flowledger.storage.repository import Repository
from flowledger.storage.schema.columns import metadata
from flowledger.storage.schema.types import CurrentTransaction, Json, Name, UtcTime


def _index_of(name: str, condition: str) -> Index:
    """Return an index of the few rows that fulfil the condition, by time."""
    rows = text(condition)
    return Index(f"ix_drains_{name}", "ended_at", "id", postgresql_where=rows, sqlite_where=rows)


TABLE: Final = Table(
    "drains",
    metadata,
    Column("id", Name, primary_key=True),
    Column("worker", Name, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime, nullable=False),
    Column("shards", Json, nullable=False),
    Column("recorded", Integer, nullable=False),
    Column("repeated", Integer, nullable=False),
    Column("dead", Integer, nullable=False),
    Column("why", Text),
    Column("measures", Json, nullable=False),
    # PostgreSQL's transaction (`storage.ledger.marks`). A B-tree: expiry leaves gaps, which new rows fill.
    Column("recorded_in", BigInteger, server_default=CurrentTransaction()),
    Index("ix_drains_ended_at", "ended_at", "id"),
    Index("ix_drains_worker", "worker", "ended_at", "id"),
    _index_of("dead", "dead > 0"),
    _index_of("why", "why IS NOT NULL"),
    Index("ix_drains_recorded_in", "recorded_in", sqlite_where=text("recorded_in IS NOT NULL")),
)
"""Not a function of the journal, so `verify` ignores them; only people and metrics read them."""

_NEWEST_FIRST: Final = Order((TABLE.c.ended_at, TABLE.c.id), descending=True)


class DrainRepository(Repository[DrainRecord]):
    table = TABLE
    record = DrainRecord
    time = "ended_at"

    def add(self, drains: Sequence[DrainRecord]) -> None:
        """Add drains; those that are there already, because a reply was lost, stay as they are."""
        dialect: Any = postgresql if self.connection.dialect.name == "postgresql" else sqlite
        self.connection.execute(dialect.insert(TABLE).on_conflict_do_nothing(), [_row(drain) for drain in drains])

    def get(self, drain_id: str) -> DrainRecord | None:
        """Return the drain with this id, which is Celery's id of its task; None if there is none."""
        return self._one(self._select().where(TABLE.c.id == plain(drain_id)))

    def newest(
        self,
        *,
        worker: str | None = None,
        dead: bool = False,
        waited: bool = False,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        offset: int = 0,
        after: str | None = None,
    ) -> Page[DrainRecord]:
        """Return a page of drains that ended from `since` to before `until`, newest first.

        `worker` is the name of a Celery node; `dead` leaves those that made dead letters, `waited` those that waited
        for something or stopped early. Raises InvalidArgument and BadCursor, as all lists do.
        """
        statement = self._narrowed(worker, dead, waited).where(*between(TABLE.c.ended_at, since, until))
        return self._page(statement, _NEWEST_FIRST, limit, offset, after)

    def _narrowed(self, worker: str | None, dead: bool, waited: bool) -> Select[Any]:
        statement = self._select()
        if worker is not None:
            statement = statement.where(TABLE.c.worker == plain(worker))
        if dead:
            statement = statement.where(text("dead > 0"))  # as the index has it: a parameter would not match it
        return statement.where(TABLE.c.why.is_not(None)) if waited else statement


def _row(drain: DrainRecord) -> dict[str, Any]:
    return {name: plain(value) if isinstance(value, str) else value for name, value in asdict(drain).items()}
