"""Redelivery: puts messages into their inboxes again after Redis has lost them (docs/decisions/0019).

The database knows which messages were sent and have not come to an end. Those that Redis knows to be in an inbox, or
acknowledged, stay as they are. The others are put again, in the order in which they were sent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Protocol

import redis

from flowledger.domain import streams
from flowledger.domain.addressing import Addressed
from flowledger.domain.settings import Settings
from flowledger.domain.times import now
from flowledger.storage.ledger.undelivered import GONE, NOBODY, Place, Undelivered, UndeliveredRepository
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.post import PostOffice
from flowledger.workers.texts import Texts

logger = logging.getLogger(__name__)

_AT_ONCE: Final = 500
_PUT_AT_ONCE: Final = 16

Tell = Callable[[int, int], None]
"""Called with the number of messages that were checked, and the number of all."""


@dataclass(slots=True)
class Redelivered:
    """What was done with messages that had not come to an end, counted once for each recipient."""

    put: int = 0
    """Put into their inboxes again."""
    kept: int = 0
    """Left as they were: Redis knew them to be in their inboxes, or acknowledged."""
    expired: int = 0
    """Not put, because they have expired; that is published."""
    no_room: int = 0
    """Not put: the inbox or Redis is full, the inbox cannot be used, or Redis was emptied in the meantime."""
    others: int = 0
    """Left as they were: somebody other than the ledger delivered them."""
    gone: int = 0
    """Left as they were: the text that would be put, or that says who delivered them, is gone."""


class Carrier(Protocol):
    """Puts messages into an inbox, and expires others; both return how many. `broker` is as in `Inboxes.put`."""

    def broker(self) -> bytes: ...

    def put_again(self, recipient: str, outgoing: Sequence[Undelivered], broker: bytes) -> int: ...

    def expire_lost(self, recipient: str, outgoing: Sequence[Undelivered]) -> int: ...


def redeliver(
    client: redis.Redis,
    settings: Settings,
    storage: Storage,
    *,
    sandbox: str | None = None,
    dry_run: bool = False,
    tell: Tell = lambda _done, _total: None,
) -> Redelivered:
    """Put the messages that Redis has lost again, for one sandbox or for all. With `dry_run` they are only counted.

    Workers may run meanwhile, and redelivery may be repeated, also twice at once. Raises DatabaseUnavailable and
    redis.RedisError, and SettingsError if the key file is invalid; what was put until then stays put.
    """
    carrier = DryRun(client, settings) if dry_run else PostOffice(client, settings, storage)
    return Redelivery(client, storage, carrier).run(sandbox, tell)


class Redelivery:
    """One walk through the messages that were sent and have not come to an end."""

    def __init__(self, client: redis.Redis, storage: Storage, carrier: Carrier) -> None:
        self._client = client
        self._storage = storage
        self._carrier = carrier
        self._texts = Texts(storage)
        self._full: str | None = None
        self._broker = b""
        """What `ledger:broker` held before the page was read."""
        self._found = Redelivered()

    def run(self, sandbox: str | None, tell: Tell) -> Redelivered:
        with self._storage.reading() as connection:
            total = UndeliveredRepository(connection).count(sandbox)
        done = 0
        for page in self._pages(sandbox):
            for recipient, messages in groupby(page, key=lambda one: one.to_sandbox_id):
                self._redeliver(recipient, list(messages))
            done += len(page)
            tell(done, max(done, total))
        return self._found

    def _pages(self, sandbox: str | None) -> Iterator[list[Undelivered]]:
        after: Place | None = None
        while True:
            self._broker = self._carrier.broker()
            with self._storage.reading() as connection:
                page = UndeliveredRepository(connection).page(after, _AT_ONCE, sandbox)
            if page:
                yield page
            if len(page) < _AT_ONCE:
                return
            after = page[-1].place

    def _redeliver(self, recipient: str, messages: Sequence[Undelivered]) -> None:
        sent = [(one, self._sent(one)) for one in messages]
        ours = [one for one, text in sent if text is not None and not text.names_only_others(recipient)]
        gone = sum(text is None and one.sent_by != NOBODY for one, text in sent)
        lost = self._lost(recipient, ours)
        moment = now()
        late = [one for one in lost if one.expires_at is not None and one.expires_at <= moment]
        wanted = [one for one in lost if one.expires_at is None or one.expires_at > moment]
        expired, put = self._carrier.expire_lost(recipient, late), self._put(recipient, wanted)
        self._found.gone += gone
        self._found.others += len(messages) - len(ours) - gone
        self._found.kept += len(ours) - len(lost)
        self._found.expired += expired
        self._found.put += put
        self._found.no_room += len(lost) - expired - put

    def _sent(self, one: Undelivered) -> Addressed | None:
        """Return what the ledger put into this inbox; None if it put nothing there, or the text is gone."""
        return None if one.sent_by in (NOBODY, GONE) else self._texts.get(one.sent_by, (one.sent_by,))

    def _lost(self, recipient: str, messages: Sequence[Undelivered]) -> list[Undelivered]:
        """Return the messages that Redis knows neither to be in the inbox nor to be acknowledged.

        Acknowledgements from before the database went back to an earlier state do not count: it does not know them.
        """
        taken, restored = streams.taken(recipient), float(self._client.get(streams.RESTORED) or 0)
        with self._client.pipeline(transaction=False) as pipeline:
            for one in messages:
                pipeline.exists(streams.posted(one.message_id, recipient))
                pipeline.zscore(taken, one.message_id)
            replies = pipeline.execute(raise_on_error=False)
        if is_refused(recipient, replies):
            return list(messages)
        known = zip(replies[::2], replies[1::2], strict=True)
        return [
            one
            for one, (mark, taken_at) in zip(messages, known, strict=True)
            if not mark and (taken_at or 0) <= restored
        ]

    def _put(self, recipient: str, messages: Sequence[Undelivered]) -> int:
        """Put some at a time: their texts may be large. Stop at the first that is not put: none may overtake it."""
        put = 0
        for first in range(0, len(messages), _PUT_AT_ONCE):
            if recipient == self._full:
                break
            some = messages[first : first + _PUT_AT_ONCE]
            went = self._carrier.put_again(recipient, some, self._broker)
            put += went
            if went < len(some):
                self._full = recipient
        return put


class DryRun:
    """Puts and expires nothing; counts what would be put and expired."""

    def __init__(self, client: redis.Redis, settings: Settings) -> None:
        self._client = client
        self._most = settings.inbox_messages
        self._recipient: str | None = None
        self._room = 0

    def broker(self) -> bytes:
        return b""

    def put_again(self, recipient: str, outgoing: Sequence[Undelivered], _broker: bytes) -> int:
        if recipient != self._recipient:
            self._recipient, self._room = recipient, self._room_of(recipient)
        put = min(len(outgoing), self._room)
        self._room -= put
        return put

    def expire_lost(self, _recipient: str, outgoing: Sequence[Undelivered]) -> int:
        return len(outgoing)

    def _room_of(self, recipient: str) -> int:
        try:
            return max(0, self._most - int(self._client.xlen(streams.inbox(recipient))))
        except redis.ResponseError as error:
            return 0 if is_refused(recipient, [error]) else self._most


def is_refused(recipient: str, replies: Iterable[object]) -> bool:
    """Return whether a key of a recipient has another type. Raises the first other error of Redis."""
    for reply in replies:
        if isinstance(reply, Exception):
            if not str(reply).startswith("WRONGTYPE"):
                raise reply
            logger.error("the inbox of %s cannot be used: %s", ascii(recipient)[:100], reply)
            return True
    return False
