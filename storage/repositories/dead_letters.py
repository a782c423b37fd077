"""Dead letters: what could not be recorded, with its exact bytes and the reason in words."""

from __future__ import annotations

from domain.errors import Refused
from domain.ids import content_id
from domain.json_text import plain
from domain.records import DeadLetter
from domain.statuses import DeadLetterStatus
from storage import tables
from storage.groups import Write
from storage.paging import Order, Page
from storage.repositories.base import Repository

_TABLE = tables.dead_letters

OLDEST_FIRST = Order((_TABLE.c.first_seen, _TABLE.c.id))


class DeadLetterRepository(Repository[DeadLetter]):
    table = _TABLE
    record = DeadLetter

    @staticmethod
    def bury(
        stream: str, entry_id: str, raw: bytes, refused: Refused, *, seen_at: str, readable: dict[str, str | None]
    ) -> Write:
        """The row of a refused entry; the same entry again is the same row.

        `readable` is what could still be read of `type`, `source` and `event_id`.
        """
        return Write(
            _TABLE,
            id=content_id("dead", stream.encode(), entry_id.encode(), raw),
            stream=stream,
            entry_id=entry_id,
            raw=raw,
            reason=refused.reason.value,
            field=plain(refused.field),
            detail=plain(str(refused)),
            first_seen=seen_at,
            **{name: None if text is None else plain(text) for name, text in readable.items()},
        )

    def get(self, dead_letter_id: str) -> DeadLetter | None:
        return self._one(self._select().where(_TABLE.c.id == dead_letter_id))

    def oldest(
        self,
        *,
        status: DeadLetterStatus | None = DeadLetterStatus.OPEN,
        limit: int = 50,
        offset: int = 0,
        after: str | None = None,
    ) -> Page[DeadLetter]:
        """Dead letters, oldest first: in one status, or all."""
        statement = self._select()
        if status is not None:
            statement = statement.where(_TABLE.c.status == status)
        return self._page(statement, OLDEST_FIRST, limit, offset, after)
