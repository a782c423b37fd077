"""Redis's part: erased messages leave the inboxes, and of an erased sandbox its inbox goes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final

import redis
from sqlalchemy import select, union

from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.services import scripts
from flowledger.services.erasing.journal import batched
from flowledger.storage.kinds.messages import DELIVERIES
from flowledger.storage.ledger.outbox import TABLE as OUTBOX
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.inboxes import member

_AT_ONCE: Final = 200
_LISTED_AT_ONCE: Final = 20
"""Entries that Redis reads at a time to list them: messages of a MiB each are 20 MiB."""
_MARK_KEPT_MS: Final = 3_600_000
"""A mark keeps an erased message out of its inbox until its rows have gone, and a drain has forgotten it."""
Addressed = tuple[str, str]
"""A message, and one of its recipients."""


class ErasedInboxes:
    """Takes erased messages out of inboxes. Its methods raise redis.RedisError, and may be repeated."""

    def __init__(self, client: redis.Redis, settings: Settings, storage: Storage) -> None:
        self._client = client
        self._storage = storage
        self._quiet_ms = str(settings.inbox_quiet_seconds * 1000)

    def check(self) -> None:
        """Raise redis.RedisError unless Redis would take messages out of inboxes now; none is."""
        self._client.eval(scripts.ERASE_MESSAGES, 1, streams.EXPIRIES, _MARK_KEPT_MS)

    def count(self, ids: Collection[str]) -> int:
        """Return how many messages `erase` would take out, and change nothing."""
        sandboxes = frozenset(ids)
        counted = 0
        for some in batched(sorted(ids), _AT_ONCE):
            for sent in self._sent(some):  # whole inboxes are counted below, with what is erased by itself
                counted += self._count_sent([(message, to) for message, to in sent if to not in sandboxes])
            counted += sum(self._count_entries(inbox) for inbox in self._owning(some))
        return counted

    def erase(self, ids: Collection[str]) -> int:
        """Take the messages among `ids` out of their inboxes, and remove the inboxes of the sandboxes among them.

        Call it before the rows go: they say who the recipients are.
        """
        touched: set[str] = set()
        removed = 0
        for some in self._sent(ids):
            removed += self._take_out(some, touched)
        for sandbox in ids:
            removed += self._remove(sandbox, touched)
        for sandbox in touched:
            self._client.eval(
                scripts.REWRITE_INBOX, 2, streams.inbox(sandbox), streams.rewriting(sandbox), self._quiet_ms
            )
        return removed

    def _sent(self, ids: Collection[str]) -> Iterator[list[Addressed]]:
        """Yield the messages among `ids` with their recipients, some at a time."""
        sent = union(*(
            select(table.c.message_id, table.c.to_sandbox_id).where(table.c.message_id.in_(ids))
            for table in (DELIVERIES, OUTBOX)
        ))  # fmt: skip
        options = {"stream_results": True, "yield_per": _AT_ONCE}
        with self._storage.reading() as connection, connection.execute(sent, execution_options=options) as found:
            for some in found.partitions():
                yield [(message, to) for message, to in some]

    def _count_sent(self, sent: Sequence[Addressed]) -> int:
        """Return how many of these messages are in their inboxes."""
        marked = [(to, entry) for (_, to), entry in zip(sent, self._marks(sent), strict=True) if entry]
        with self._client.pipeline(transaction=False) as pipeline:
            for to, entry in marked:
                pipeline.eval(scripts.INBOX_ENTRIES, 1, streams.inbox(to), entry, entry, 1)
            return sum(1 for found in pipeline.execute() if found)

    def _count_entries(self, sandbox: str) -> int:
        """Return how many messages are in the inbox of a sandbox, as their marks say."""
        counted, after = 0, b"-"
        while True:
            found: Any = self._client.eval(
                scripts.INBOX_ENTRIES, 1, streams.inbox(sandbox), after, b"+", _LISTED_AT_ONCE
            )
            entries, messages = found[::2], found[1::2]
            marks = self._marks((message.decode(), sandbox) for message in messages)
            counted += sum(1 for mark, entry in zip(marks, entries, strict=True) if mark == entry)
            if len(entries) < _LISTED_AT_ONCE:
                return counted
            after = b"(" + entries[-1]

    def _marks(self, sent: Iterable[Addressed]) -> list[bytes | None]:
        """Return for each message in which entry of the inbox it was put; empty, or None, if it was taken out."""
        with self._client.pipeline(transaction=False) as pipeline:
            for message, to in sent:
                pipeline.get(streams.posted(message, to))
            return pipeline.execute()

    def _owning(self, ids: Sequence[str]) -> Iterator[str]:
        """Yield those of `ids` that have an inbox."""
        with self._client.pipeline(transaction=False) as pipeline:
            for id_ in ids:
                pipeline.type(streams.inbox(id_))
            kinds = pipeline.execute()
        yield from (id_ for id_, kind in zip(ids, kinds, strict=True) if kind == b"stream")

    def _take_out(self, some: Sequence[Addressed], touched: set[str]) -> int:
        keys = [key for one, to in some for key in (streams.posted(one, to), streams.inbox(to))]
        members = [member(one, to) for one, to in some]
        removed: Any = self._client.eval(
            scripts.ERASE_MESSAGES, 1 + len(keys), streams.EXPIRIES, *keys, _MARK_KEPT_MS, *members
        )
        touched.update(to for _, to in some)  # also of what was acknowledged, or taken out by a run that was killed
        return sum(removed)

    def _remove(self, sandbox: str, touched: set[str]) -> int:
        """Remove the inbox of a sandbox, with what is known of its messages. Return how many there were."""
        inbox = streams.inbox(sandbox)
        removed = 0
        while self._client.type(inbox) == b"stream":
            entries: Any = self._client.xrange(inbox, count=_AT_ONCE)
            some = [(fields[_MESSAGE_ID].decode(), sandbox) for _, fields in entries if _MESSAGE_ID in fields]
            removed += self._take_out(some, set()) if some else 0
            if entries:
                self._client.xdel(inbox, *(id_ for id_, _ in entries))
            if len(entries) < _AT_ONCE:
                break
        self._client.delete(inbox, streams.taken(sandbox), streams.consumers(sandbox))
        touched.discard(sandbox)
        return removed


_MESSAGE_ID: Final = streams.MESSAGE_ID.encode()
