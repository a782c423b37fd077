"""The texts of events that send messages: from memory, or from the journal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from flowledger.domain.addressing import Addressed
from flowledger.domain.envelope import Event
from flowledger.domain.events import MessageSent
from flowledger.storage.ledger.journal import JournalRepository
from flowledger.storage.unit_of_work import Storage

SentBy = tuple[str, str]
"""The source and id of an event that sent a message."""

MOST_BYTES: Final = 8 * 2**20
_READ_AT_ONCE: Final = 16
"""Events may be large. Those of a batch, which are in memory, have at most 8 MiB together."""


class Texts:
    """Texts of events that send messages: recent ones from memory, others from the journal, some at a time."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._known: dict[SentBy, Addressed] = {}
        self._size = 0

    def know(self, events: Sequence[Event]) -> None:
        """Keep the texts of these recorded events, and forget all others."""
        self._known, self._size = {}, 0
        for event in events:
            if isinstance(event.data, MessageSent):
                self._keep((event.source, event.id), event.raw)

    def get(self, wanted: SentBy, following: Iterable[SentBy]) -> Addressed | None:
        """Return one text, or None if the journal has no such event, or its text is gone.

        If it must be read, some of `following`, which begin with it and are wanted next, are read as well.
        """
        if wanted not in self._known:
            if self._size > MOST_BYTES:
                self._known, self._size = {}, 0
            unknown = dict.fromkeys(one for one in following if one not in self._known)
            with self._storage.looking() as connection:
                texts = JournalRepository(connection).texts(list(unknown)[:_READ_AT_ONCE])
            for sent_by, text in texts.items():
                if text is not None:
                    self._keep(sent_by, text)
        return self._known.get(wanted)

    def _keep(self, sent_by: SentBy, text: str) -> None:
        # Of two events with one name in a batch, the first is the one that is recorded.
        self._known.setdefault(sent_by, Addressed.of(text))
        self._size += len(text)
