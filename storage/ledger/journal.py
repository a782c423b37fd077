"""The journal: every recorded event, with its text exactly as received."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

from sqlalchemy import BigInteger, Column, ColumnElement, Index, Integer, Table, Text, select, text, tuple_, union_all
from sqlalchemy.exc import DataError

from flowledger.domain.envelope import Event
from flowledger.domain.json_text import plain
from flowledger.domain.records import RecordedEvent
from flowledger.domain.sameness import same_event
from flowledger.storage.repository import Repository
from flowledger.storage.schema.columns import metadata
from flowledger.storage.schema.types import CurrentTransaction, Name, UtcTime

TABLE: Final = Table(
    "events",
    metadata,
    Column("source", Name, primary_key=True),
    Column("id", Name, primary_key=True),
    Column("type", Text, nullable=False),
    Column("subject", Name, nullable=False),
    Column("time", UtcTime),
    Column("sequence", Text),
    Column("partition", Integer, nullable=False),
    Column("raw", Text, nullable=False),
    Column("recorded_at", UtcTime, nullable=False),
    # What people look at is listed by these (`storage.ledger.journal_lists`), and a repair reads events by subject.
    Index("ix_events_recorded_at", "recorded_at"),
    Index("ix_events_subject", "subject", "recorded_at"),
    # PostgreSQL's transaction (`storage.ledger.tail`). The index is a few pages; on SQLite it is empty.
    Column("recorded_in", BigInteger, server_default=CurrentTransaction()),
    Index(
        "ix_events_recorded_in",
        "recorded_in",
        postgresql_using="brin",
        postgresql_with={"autosummarize": "on", "pages_per_range": "32"},
        sqlite_where=text("recorded_in IS NOT NULL"),
    ),
)


_AT_ONCE: Final = 100

COLUMNS: Final = ("source", "id", "type", "subject", "time", "sequence", "partition", "raw", "recorded_at")


class JournalRepository(Repository[RecordedEvent]):
    table = TABLE
    record = RecordedEvent

    @staticmethod
    def row(event: Event, shard: int, recorded_at: str) -> tuple[str | int | None, ...]:
        """Return the values of the event's row, in the order of `COLUMNS`."""
        return (
            event.source, event.id, event.type, event.subject, event.time, event.sequence, shard, event.raw, recorded_at
        )  # fmt: skip

    def get(self, source: str, event_id: str) -> RecordedEvent | None:
        return self._one(self._select().where(TABLE.c.source == source, TABLE.c.id == event_id))

    def conflicting(self, events: Sequence[Event]) -> list[Event]:
        """Return those of `events` that were recorded with other content (`domain.sameness`)."""
        if not events:
            return []
        statement = select(TABLE.c.source, TABLE.c.id, TABLE.c.raw).where(_named_as(events))
        recorded = {(row.source, row.id): row.raw for row in self.connection.execute(statement)}
        found = ((event, recorded.get((event.source, event.id))) for event in events)
        return [event for event, known in found if known is not None and not same_event(known, event.raw)]

    def texts(self, names: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Return the texts of the events of these sources and ids, as received."""
        statement = select(TABLE.c.source, TABLE.c.id, TABLE.c.raw)
        rows = self.connection.execute(statement.where(tuple_(TABLE.c.source, TABLE.c.id).in_(names)))
        return {(row.source, row.id): row.raw for row in rows}

    def unknown(self, events: Sequence[Event]) -> list[Event]:
        """Return those of `events` whose source and id are not recorded."""
        if not events:
            return []
        statement = select(TABLE.c.source, TABLE.c.id).where(_named_as(events))
        names = {(row.source, row.id) for row in self.connection.execute(statement)}
        return [event for event in events if (event.source, event.id) not in names]

    def recorded_sources(self, sources: Collection[str]) -> set[str]:
        """Return those of `sources` of which any event is recorded; each costs one index look-up."""
        found: set[str] = set()
        names = [source for source in sources if plain(source) == source]
        for begin in range(0, len(names), _AT_ONCE):
            looks = [select(TABLE.c.source).where(TABLE.c.source == one) for one in names[begin : begin + _AT_ONCE]]
            with suppress(DataError, UnicodeError):  # a source that no query can hold is not recorded
                firsts = [select(look.limit(1).subquery().c.source) for look in looks]
                found.update(self.connection.execute(union_all(*firsts)).scalars())
        return found

    def recorded_at(self, events: Sequence[Event]) -> dict[tuple[str, str], datetime]:
        """Return when those of `events` that are recorded were recorded, by source and id."""
        statement = select(TABLE.c.source, TABLE.c.id, TABLE.c.recorded_at).where(_named_as(events))
        return {(row.source, row.id): row.recorded_at for row in self.connection.execute(statement)}


def _named_as(events: Sequence[Event]) -> ColumnElement[bool]:
    return tuple_(TABLE.c.source, TABLE.c.id).in_({(event.source, event.id) for event in events})
