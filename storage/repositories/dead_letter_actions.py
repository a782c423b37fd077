"""The audit trail of dead letters: who did what with them, when. Rows are added, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import insert

from flowledger.domain.json_text import plain
from flowledger.domain.records import DeadLetterDeed
from flowledger.storage import tables
from flowledger.storage.paging import Order, Page
from flowledger.storage.repositories.base import Repository

_TABLE = tables.dead_letter_actions

IN_ORDER = Order((_TABLE.c.at, _TABLE.c.id))


class DeadLetterActionRepository(Repository[DeadLetterDeed]):
    table = _TABLE
    record = DeadLetterDeed

    def add(self, deeds: Sequence[DeadLetterDeed]) -> None:
        """Writes deeds down; U+FFFD stands for what PostgreSQL's text cannot hold."""
        if deeds:
            self.connection.execute(insert(_TABLE), [_row(deed) for deed in deeds])

    def of_dead_letter(
        self, dead_letter_id: str, *, limit: int = 50, offset: int = 0, after: str | None = None
    ) -> Page[DeadLetterDeed]:
        """What was done with one dead letter, in order of time."""
        statement = self._select().where(_TABLE.c.dead_letter_id == dead_letter_id)
        return self._page(statement, IN_ORDER, limit, offset, after)

    def that_sent(self, stream: str, entry_id: str) -> DeadLetterDeed | None:
        """The replay that made this entry of this stream; None where it came from a producer."""
        return self._one(
            self._select()
            .where(_TABLE.c.entry_id == entry_id, _TABLE.c.stream == stream)
            .order_by(_TABLE.c.id)
            .limit(1)
        )


def _row(deed: DeadLetterDeed) -> dict[str, Any]:
    return {name: plain(value) if isinstance(value, str) else value for name, value in asdict(deed).items()}
