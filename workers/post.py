"""The post office: puts recorded messages into the inboxes of their recipients (docs/decisions/0019).

What waits stands in the outbox. Everybody who delivers, drains after their commits and the periodic look, goes through
the outbox of a recipient from its first row on and stops at the first that does not go: so order holds, whoever comes.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, Final, NamedTuple

import redis

from domain import json_text, streams
from domain.envelope import LEDGER_SOURCE, Envelope, Event
from domain.events import EventData, MessageDelivered, MessageDispatched, MessageExpired, MessageFailed, MessageSent
from domain.settings import Settings
from domain.times import milliseconds, now
from storage.repositories.outbox import OutboxRepository, Outgoing, Waiting
from storage.unit_of_work import Storage
from workers import post_scripts
from workers.authority import own_signer

logger = logging.getLogger(__name__)

Texts = Mapping[tuple[str, str], str]
"""Events as they came, by source and id."""

_ENDS: Final = (MessageDelivered, MessageFailed, MessageExpired)
_AT_ONCE: Final = 500
READ_AT_ONCE: Final = 16
"""Events may be large; those of a batch, which are in memory, are 8 MiB together at the most."""
_MARK_KEPT_MS: Final = 120_000
"""Longer than anybody who has read the outbox may take to deliver."""


class Looked(NamedTuple):
    """What a look found to do."""

    put: int
    expired: int


class PostOffice:
    """Delivers what waits, after each batch, and once in a while whatever was left behind."""

    def __init__(self, client: redis.Redis, settings: Settings, storage: Storage) -> None:
        self._client = client
        self._settings = settings
        self._storage = storage
        self._sign = own_signer(settings)
        self._has_room = True
        self._full: set[str] = set()
        """Inboxes that were full when something was put there last."""

    def after(self, events: Sequence[Event]) -> None:
        """Delivers what these events of messages, which are recorded, ask for or make room for.

        Raises DatabaseUnavailable, and redis.ConnectionError or TimeoutError: then the same again. Where Redis is full
        the messages wait.
        """
        ends: list[tuple[str, str]] = []
        recipients: set[str] = set()
        broadcasts: list[str] = []
        known: dict[tuple[str, str], str] = {}
        for event in events:
            data = event.data
            if isinstance(data, MessageSent):
                known.setdefault((event.source, event.id), event.raw)
                recipients.update(data.to_sandbox_ids or ())
                if data.broadcast:
                    broadcasts.append(event.subject)
            elif isinstance(data, _ENDS):
                ends.append((event.subject, data.to_sandbox_id))
                recipients.add(data.to_sandbox_id)
        if broadcasts:
            with self._storage.reading() as connection:
                recipients |= OutboxRepository(connection).recipients_of(broadcasts)
        if ends:
            self._settle(ends)
        self._deliver(recipients, known)

    def look(self) -> Looked:
        """Delivers whatever waits, and ends what nobody took in time; raises as `after` does."""
        expired = self._expire()
        put, after = 0, ""
        while True:
            with self._storage.reading() as connection:
                recipients = OutboxRepository(connection).recipients(after, _AT_ONCE)
            if not recipients:
                return Looked(put, expired)
            put += self._deliver(recipients, {})
            after = recipients[-1]

    def put_again(self, recipient: str, outgoing: Sequence[Outgoing]) -> int:
        """Puts messages that Redis has lost into their inbox once more, in order; how many are there now.

        It stops where the inbox, or Redis, is full; raises as `after` does. All their texts are in memory at once.
        """
        with self._watching_room():
            return self._put(recipient, outgoing, self._texts(outgoing))
        return 0

    def expire_lost(self, recipient: str, outgoing: Sequence[Outgoing]) -> int:
        """Ends messages that Redis has lost and whose time is over; how many. Raises as `after` does."""
        expired = 0
        with self._watching_room():
            for one in outgoing:
                expired += self._expire_one(one.message_id, recipient, waits=True)
        return expired

    # --- putting

    def _deliver(self, recipients: Iterable[str], known: Texts) -> int:
        """For some recipients at a time; how many messages are in their inboxes now."""
        put = 0
        left = iter(sorted(recipients))
        with self._watching_room():
            while some := list(islice(left, _AT_ONCE)):
                put += self._deliver_to(some, known)
        return put

    @contextmanager
    def _watching_room(self) -> Iterator[None]:
        """Where Redis has no memory left, messages wait in the database; that is said once."""
        try:
            yield
        except redis.OutOfMemoryError:
            if self._has_room:
                logger.warning("Redis has no memory left for inboxes: messages wait in the database")
            self._has_room = False

    def _there_is_room(self) -> None:
        if not self._has_room:
            logger.warning("messages go to the inboxes again")
        self._has_room = True

    def _deliver_to(self, recipients: Collection[str], known: Texts) -> int:
        put, after = 0, 0
        while room := self._rooms(recipients):
            with self._storage.looking() as connection:
                rows = OutboxRepository(connection).first(room.keys(), after, _AT_ONCE)
            self._forget([one.id for one in rows if not one.is_open])
            for recipient, some in _waiting(rows).items():
                went = self._put_all(recipient, some[: room[recipient]], known)
                put += went
                if went < len(some):
                    self._full.add(recipient)
                    del room[recipient]  # what comes behind must not go before what did not go
            if len(rows) < _AT_ONCE:
                break
            after, recipients = rows[-1].id, room.keys()
        return put

    def _put_all(self, recipient: str, waiting: Sequence[Waiting], known: Texts) -> int:
        """Puts messages into one inbox, in order, some at a time where they must be read first; how many went."""
        is_known = all(one.sent_by in known for one in waiting)
        at_once = _AT_ONCE if is_known else READ_AT_ONCE
        put = 0
        for first in range(0, len(waiting), at_once):
            part = waiting[first : first + at_once]
            went = self._put(recipient, part, known if is_known else self._texts(part))
            put += went
            if went < len(part):
                break
        return put

    def _texts(self, outgoing: Sequence[Outgoing]) -> Texts:
        with self._storage.looking() as connection:
            return OutboxRepository(connection).texts(outgoing)

    def _rooms(self, recipients: Collection[str]) -> dict[str, int]:
        """How many more messages the inboxes take, of those that take any; only those that were full are asked."""
        most = self._settings.inbox_messages
        rooms = dict.fromkeys(recipients, most)
        asked = [recipient for recipient in recipients if recipient in self._full]
        with self._client.pipeline(transaction=False) as pipeline:
            for recipient in asked:
                pipeline.xlen(streams.inbox(recipient))
            lengths = pipeline.execute(raise_on_error=False)
        for recipient, length in zip(asked, lengths, strict=True):
            if isinstance(length, Exception):
                raise_unless_refused(length, recipient)
                del rooms[recipient]
            elif length >= most:
                del rooms[recipient]
            else:
                rooms[recipient] = most - length
                self._full.discard(recipient)
        return rooms

    def _put(self, recipient: str, outgoing: Sequence[Outgoing], texts: Texts) -> int:
        """Puts messages into one inbox, in order; how many went."""
        keys = [streams.inbox(recipient), streams.taken(recipient), streams.EXPIRIES, streams.RESTORED]
        arguments: list[str | int] = [self._settings.inbox_messages]
        for one in outgoing:
            stream, dispatched = self._own(MessageDispatched(to_sandbox_id=recipient), one.message_id)
            keys += [streams.posted(one.message_id, recipient), stream]
            expires = "" if one.expires_at is None else milliseconds(one.expires_at)
            text = texts[one.sent_by]
            arguments += [one.message_id, text, expires, _member(one.message_id, recipient), dispatched]
        try:
            went = int(self._run(post_scripts.PUT, keys, *arguments))
        except redis.ResponseError as error:
            raise_unless_refused(error, recipient)
            return 0
        self._there_is_room()
        return went

    def _forget(self, ids: Sequence[int]) -> None:
        """Rows that wait for nothing any more: what they name came to its end before it was in the inbox."""
        if ids:
            with self._storage.writing() as connection:
                OutboxRepository(connection).remove(ids)

    # --- ends

    def _settle(self, ends: Iterable[tuple[str, str]]) -> None:
        """What has come to its end, perhaps without its recipient's mailbox, is in no inbox any more."""
        keys = [key for message, to in ends for key in (streams.posted(message, to), streams.inbox(to))]
        try:
            self._run(post_scripts.SETTLE, keys, _MARK_KEPT_MS)
        except redis.ResponseError as error:
            raise_unless_refused(error, "some recipients")

    def _expire(self) -> int:
        """Ends the messages whose time is over: those in inboxes, then those in the outbox."""
        moment = now()
        due: Any = self._client.zrangebyscore(streams.EXPIRIES, "-inf", milliseconds(moment), 0, _AT_ONCE)
        found = [(*json_text.loads(member.decode()), False) for member in due]
        with self._storage.reading() as connection:
            outbox = OutboxRepository(connection)
            found += [(one.message_id, one.to_sandbox_id, True) for one in outbox.expired(moment, _AT_ONCE)]
        expired = 0
        with self._watching_room():
            for message, recipient, waits in found:
                expired += self._expire_one(message, recipient, waits=waits)
        return expired

    def _expire_one(self, message: str, recipient: str, *, waits: bool) -> int:
        stream, expired = self._own(MessageExpired(to_sandbox_id=recipient), message)
        keys = [streams.posted(message, recipient), streams.inbox(recipient), streams.consumers(recipient)]
        alive = int(self._settings.mailbox_lease_seconds * 1000)
        try:
            return int(
                self._run(
                    post_scripts.EXPIRE, [*keys, streams.EXPIRIES, stream], _member(message, recipient), int(waits),
                    alive, _MARK_KEPT_MS, expired,
                )
            )  # fmt: skip
        except redis.ResponseError as error:
            raise_unless_refused(error, recipient)
            return 0

    def _own(self, data: EventData, message: str) -> tuple[str, str]:
        """An event of the ledger's own: the stream of its shard, and its text."""
        envelope = self._sign(Envelope.of(data, source=LEDGER_SOURCE, subject=message))
        return streams.stream(streams.shard_of(message, self._settings.shards)), envelope.to_json()

    def _run(self, script: str, keys: Sequence[str], *arguments: str | int) -> Any:
        encoded = (_encoded(part) for part in (*keys, *arguments))
        return self._client.eval(script, len(keys), *encoded)


def _waiting(rows: Iterable[Waiting]) -> dict[str, list[Waiting]]:
    """What each inbox is to get. What has expired is in nobody's way, and ended by the next look."""
    moment = now()
    waiting: dict[str, list[Waiting]] = defaultdict(list)
    for one in rows:
        if one.is_open and (one.expires_at is None or one.expires_at > moment):
            waiting[one.to_sandbox_id].append(one)
    return waiting


def _member(message: str, recipient: str) -> str:
    return json_text.dumps([message, recipient])


def _encoded(part: str | int) -> bytes:
    return str(part).encode("utf-8", "surrogatepass")


def raise_unless_refused(error: Exception, recipient: str) -> None:
    """An inbox that Redis refuses (a key of another type) is its recipient's trouble alone."""
    if "WRONGTYPE" not in str(error):
        raise error
    logger.error("the inbox of %s cannot be used: %s", ascii(recipient)[:100], error)
