"""The journal, how far each stream is recorded, and what could not be recorded."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    text,
)

from flowledger.domain.statuses import DeadLetterAction, DeadLetterStatus
from flowledger.storage.tables.columns import index_where_given, metadata, one_of
from flowledger.storage.tables.types import CurrentTransaction, Name, UtcTime

events: Final = Table(
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
    # PostgreSQL's transaction (`storage.tail`). The index is a few pages; on SQLite, where all are null, it is empty.
    Column("recorded_in", BigInteger, server_default=CurrentTransaction()),
    Index(
        "ix_events_recorded_in",
        "recorded_in",
        postgresql_using="brin",
        postgresql_with={"autosummarize": "on", "pages_per_range": "32"},
        sqlite_where=text("recorded_in IS NOT NULL"),
    ),
)

checkpoints: Final = Table(
    "checkpoints",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("entry_id", Text, nullable=False),
    Column("recorded_at", UtcTime, nullable=False),
    # Counts up with each batch: a number that the broker knows and that comes again tells that the database went back.
    Column("batches", BigInteger, nullable=False, server_default="1"),
)

dead_letters: Final = Table(
    "dead_letters",
    metadata,
    Column("id", Name, primary_key=True),
    Column("stream", Text, nullable=False),
    Column("entry_id", Text, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("reason", String(32), nullable=False),
    Column("field", Text, nullable=False, server_default=""),
    Column("detail", Text, nullable=False),
    Column("type", Text),
    Column("source", Text),
    Column("event_id", Text),
    Column("first_seen", UtcTime, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="1"),
    *one_of("status", "dead_letter_status", String(16), DeadLetterStatus, nullable=False, server_default="open"),
    Column("subject", Text),
    Index("ix_dead_letters_status", "status", "first_seen", "id"),
    # By hash: these may be as long as an event, and a tree has no room for that.
    Index("ix_dead_letters_subject", "subject", postgresql_using="hash"),
    Index("ix_dead_letters_event_id", "event_id", postgresql_using="hash"),
)

dead_letter_actions: Final = Table(
    "dead_letter_actions",
    metadata,
    Column("id", Name, primary_key=True),
    Column("dead_letter_id", Name, ForeignKey("dead_letters.id", ondelete="CASCADE"), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("who", Text, nullable=False),
    *one_of("action", "dead_letter_action", String(16), DeadLetterAction, nullable=False),
    Column("source", Text),
    Column("event_id", Text),
    Column("stream", Text),
    Column("entry_id", Text),
    Column("raw", LargeBinary),
    Column("detail", Text, nullable=False, server_default=""),
    CheckConstraint(
        "(action = 'replayed') = (stream IS NOT NULL) AND (action = 'replayed') = (entry_id IS NOT NULL)", name="sent"
    ),
    Index("ix_dead_letter_actions_dead_letter_id", "dead_letter_id", "at", "id"),
    *index_where_given("dead_letter_actions", "entry_id", "stream"),
)
