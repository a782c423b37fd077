"""Redis's part: erased messages leave the inboxes, and of an erased sandbox its inbox goes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

import redis
from sqlalchemy import select, union

from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.services import scripts
from flowledger.storage.kinds.messages import DELIVERIES
from flowledger.storage.ledger.outbox import TABLE as OUTBOX
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.inboxes import member

_AT_ONCE: Final = 200
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
