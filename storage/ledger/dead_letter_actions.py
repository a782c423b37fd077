"""The audit trail of dead letters: who did what, and when. Rows are added, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, LargeBinary, String, Table, Text, insert

from flowledger.domain.json_text import plain
from flowledger.domain.records import DeadLetterDeed
from flowledger.domain.statuses import DeadLetterAction
from flowledger.storage.paging import Order, Page
from flowledger.storage.repository import Repository
from flowledger.storage.schema.columns import index_where_given, metadata, one_of
from flowledger.storage.schema.types import Name, UtcTime

TABLE: Final = Table(
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


IN_ORDER = Order((TABLE.c.at, TABLE.c.id))


class DeadLetterActionRepository(Repository[DeadLetterDeed]):
    table = TABLE
    record = DeadLetterDeed

    def add(self, deeds: Sequence[DeadLetterDeed]) -> None:
        """Add deeds to the trail; U+FFFD replaces characters that PostgreSQL's text cannot hold."""
        if deeds:
            self.connection.execute(insert(TABLE), [_row(deed) for deed in deeds])

    def of_dead_letter(
        self, dead_letter_id: str, *, limit: int = 50, offset: int = 0, after: str | None = None
    ) -> Page[DeadLetterDeed]:
        """Return a page of the deeds on one dead letter, in order of time."""
        statement = self._select().where(TABLE.c.dead_letter_id == dead_letter_id)
        return self._page(statement, IN_ORDER, limit, offset, after)

    def that_sent(self, stream: str, entry_id: str) -> DeadLetterDeed | None:
        """Return the replay that made this entry of this stream; None if the entry came from a producer."""
        return self._one(
            self._select().where(TABLE.c.entry_id == entry_id, TABLE.c.stream == stream).order_by(TABLE.c.id).limit(1)
        )


def _row(deed: DeadLetterDeed) -> dict[str, Any]:
    return {name: plain(value) if isinstance(value, str) else value for name, value in asdict(deed).items()}
