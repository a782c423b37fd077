"""The journal: every recorded event, by name. Its text stands in `storage.ledger.event_texts` until that is gone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    select,
    text,
    tuple_,
    union_all,
)
from sqlalchemy.exc import DataError

from flowledger.domain.envelope import Event
from flowledger.domain.json_text import plain
from flowledger.domain.records import ListedEvent, RecordedEvent
from flowledger.storage.ledger.event_texts import key_of, texts, with_texts
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
    Column("recorded_at", UtcTime, nullable=False),
    # The digest of `domain.sameness`: tells a repeated event from another one, and finds the text.
    Column("meaning", LargeBinary, nullable=False),
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

COLUMNS: Final = ("source", "id", "type", "subject", "time", "sequence", "partition", "recorded_at", "meaning")

READ: Final = (*(TABLE.c[name] for name in ListedEvent.__slots__), TABLE.c.meaning)
"""The columns of which `recorded` makes records."""


def recorded(connection: Connection, rows: Iterable[Any]) -> Iterator[RecordedEvent]:
    """Yield the records of rows with the columns `READ`; their texts are read some at a time."""
    for row, raw in with_texts(connection, rows):
        values = row._mapping
        yield RecordedEvent(**{name: values[name] for name in ListedEvent.__slots__}, raw=raw)


class JournalRepository:
    """Events by their names, over a connection that the caller owns."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @staticmethod
    def row(event: Event, shard: int, recorded_at: str) -> tuple[str | int | bytes | None, ...]:
        """Return the values of the event's row, in the order of `COLUMNS`, and its text."""
        assert event.meaning, "the event was read without the digest of its meaning"
        return (
            event.source, event.id, event.type, event.subject, event.time, event.sequence, shard, recorded_at,
            event.meaning, event.raw,
        )  # fmt: skip

    def get(self, source: str, event_id: str) -> RecordedEvent | None:
        """Return the event of this name; None if none is recorded."""
        is_it = (TABLE.c.source == source) & (TABLE.c.id == event_id)
        return next(recorded(self.connection, self.connection.execute(select(*READ).where(is_it)).all()), None)

    def conflicting(self, events: Sequence[Event]) -> list[Event]:
        """Return those of `events` that were recorded with another meaning (`domain.sameness`).

        Of an event about what is erased no meaning is known: whatever has its name is taken for a repeat.
        """
        if not events:
            return []
        statement = select(TABLE.c.source, TABLE.c.id, TABLE.c.meaning).where(_named_as(events))
        known = {(row.source, row.id): row.meaning for row in self.connection.execute(statement)}
        return [event for event in events if (known.get((event.source, event.id)) or event.meaning) != event.meaning]

    def recorded_as(self, event: Event) -> datetime | None:
        """Return when the event, with this meaning, was recorded; None if it is not."""
        return None if self.conflicting([event]) else self.recorded_at([event]).get((event.source, event.id))

    def texts(self, names: Collection[tuple[str, str]]) -> dict[tuple[str, str], str | None]:
        """Return the texts of those of these events that are recorded, by source and id; None if a text is gone."""
        statement = select(TABLE.c.source, TABLE.c.id, TABLE.c.recorded_at, TABLE.c.meaning)
        rows = self.connection.execute(statement.where(tuple_(TABLE.c.source, TABLE.c.id).in_(names))).all()
        found = texts(self.connection, {key_of(row) for row in rows})
        return {(row.source, row.id): found.get(row.meaning) for row in rows}

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
