"""The post office: puts recorded messages into the inboxes of their recipients (docs/decisions/0019, 0027).

Messages wait in the outbox. Drains, after their commits, and the postman (`workers.postman`) deliver a recipient's rows
from the first one on, and stop at the first that cannot be delivered. So the order holds, whoever delivers.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from typing import Final, NamedTuple

import redis

from flowledger.domain.envelope import Event
from flowledger.domain.errors import DatabaseUnavailable
from flowledger.domain.events import MessageDelivered, MessageExpired, MessageFailed, MessageSent
from flowledger.domain.settings import Settings
from flowledger.domain.times import milliseconds, now
from flowledger.storage.ledger.outbox import Expiry, OutboxRepository, Outgoing, Waiting
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.inboxes import Inboxes, Letter
from flowledger.workers.post_bell import PostBell
from flowledger.workers.texts import MOST_BYTES, Texts

logger = logging.getLogger(__name__)

_ENDS: Final = (MessageDelivered, MessageFailed, MessageExpired)
_MOVING: Final = (MessageSent, *_ENDS)
AT_ONCE: Final = 50
"""Most messages of one step, and most that a drain delivers; the postman delivers the others."""


class Walked(NamedTuple):
    """A step of a walk through the outbox: `put` messages were delivered, to all recipients up to `after`."""

    put: int
    after: str


def moving(events: Sequence[Event]) -> list[Event]:
    """Return the events after which there is something to deliver: messages, and ends of messages, which make room."""
    return [event for event in events if isinstance(event.data, _MOVING)]


class _Step(NamedTuple):
    put: int
    open: Collection[str]
    """The recipients whose inboxes take more."""
    last: int | None
    """The row behind which there may be more for them; None if there are no more."""


class _Letters(NamedTuple):
    """The letters for the first `read` messages, by recipient, and the messages among these whose text is gone."""

    by_recipient: dict[str, list[Letter]]
    read: int
    gone: list[tuple[str, str]]


class PostOffice:
    """Delivers messages that wait. `bell` calls the postman, who delivers what a drain leaves."""

    def __init__(self, client: redis.Redis, settings: Settings, storage: Storage, bell: PostBell | None = None) -> None:
        self._storage = storage
        self._inboxes = Inboxes(client, settings)
        self._texts = Texts(storage)
        self._bell = bell

    # --- for drains

    def settle(self, events: Sequence[Event]) -> None:
        """Remove the messages that these recorded events end from the inboxes.

        Raises redis.RedisError; it may be called again then.
        """
        ends = [(event.subject, event.data.to_sandbox_id) for event in events if isinstance(event.data, _ENDS)]
        if ends:
            self._inboxes.settle(ends)

    def deliver(self, events: Sequence[Event]) -> None:
        """Deliver the messages that these recorded events send or make room for; ring for the postman if they are many.

        If it fails, nothing is lost: the postman delivers what was not delivered here. Raises redis.RedisError.
        """
        try:
            recipients = self._recipients_of(events)
            self._texts.know(events)
            step = self._deliver(recipients, 0)
        except DatabaseUnavailable as error:
            logger.warning("messages wait to be delivered until the database is back: %s", error)
            return
        if self._bell is not None and step.last is not None:
            self._bell.ring()

    def waits_for_a_process(self) -> bool:
        """Return whether the postman was called and finds no process free."""
        return self._bell is not None and self._bell.is_overdue()

    def _recipients_of(self, events: Sequence[Event]) -> set[str]:
        """Return the recipients of these events; of a broadcast only enough to see that it is large."""
        recipients: set[str] = set()
        broadcasts = []
        for event in events:
            if isinstance(event.data, MessageSent):
                recipients.update(event.data.to_sandbox_ids or ())
                if event.data.broadcast:
                    broadcasts.append(event.subject)
            elif isinstance(event.data, _ENDS):
                recipients.add(event.data.to_sandbox_id)
        if broadcasts:
            with self._storage.looking() as connection:
                recipients |= OutboxRepository(connection).recipients_of(broadcasts, AT_ONCE + 1)
        return recipients

    # --- for the postman

    def walk(self, after: str = "") -> Iterator[Walked]:
        """Deliver what waits to recipients behind `after`, in order. Yields after each small step, and may stop there.

        Raises DatabaseUnavailable, redis.ConnectionError and TimeoutError.
        """
        while self._inboxes.take_messages(afresh=True):
            with self._storage.looking() as connection:
                recipients: Collection[str] = OutboxRepository(connection).recipients(after, AT_ONCE)
            if not recipients:
                return
            last, served = max(recipients), 0
            while recipients:
                step = self._deliver(recipients, served)
                if step.last is None:
                    after = last
                yield Walked(step.put, after)
                if self._inboxes.is_stopped:
                    return
                if step.last is None:
                    break
                recipients, served = step.open, step.last
            after = last

    def expire(self) -> Iterator[int]:
        """Expire messages in inboxes and in the outbox. Yields how many, step by step."""
        moment = now()
        while late := self._inboxes.due(milliseconds(moment), AT_ONCE):
            yield self._inboxes.expire(late, waiting=False)
            if self._inboxes.is_stopped:
                return
        after: Expiry | None = None
        while True:
            with self._storage.looking() as connection:
                rows = OutboxRepository(connection).expired(moment, after, AT_ONCE)
            if not rows:
                return
            yield self._inboxes.expire([(one.message_id, one.to_sandbox_id) for one in rows], waiting=True)
            assert rows[-1].expires_at is not None
            after = rows[-1].expires_at, rows[-1].id

    def waiting(self) -> int:
        """Return how many messages wait in the outbox."""
        with self._storage.looking() as connection:
            return OutboxRepository(connection).count()

    # --- for redelivery

    def broker(self) -> bytes:
        """As `Inboxes.broker`."""
        return self._inboxes.broker()

    def put_again(self, recipient: str, outgoing: Sequence[Outgoing], broker: bytes) -> int:
        """Put messages that Redis has lost into their inbox again, in order. Return how many are there now.

        Stops if the inbox or Redis is full, or Redis no longer holds `broker` (see `Inboxes.put`). Raises as `walk`.
        """
        put = 0
        while put < len(outgoing) and self._inboxes.take_messages(afresh=True):
            some = self._letters([(recipient, one) for one in outgoing[put:]]).by_recipient.get(recipient, [])
            went = self._inboxes.put({recipient: some}, broker)[recipient] if some else 0
            put += went
            if not some or went < len(some):
                break
        return put

    def expire_lost(self, recipient: str, outgoing: Sequence[Outgoing]) -> int:
        """Expire messages that Redis has lost. Return how many. Raises as `walk` does."""
        return self._inboxes.expire([(one.message_id, recipient) for one in outgoing], waiting=True)

    # --- putting

    def _deliver(self, recipients: Collection[str], after: int) -> _Step:
        """Do one step: deliver the first messages behind the row `after` to these recipients."""
        if not self._inboxes.take_messages():
            return _Step(0, (), None)
        broker = self._inboxes.broker()
        rooms = self._inboxes.rooms(recipients)
        with self._storage.looking() as connection:
            rows = OutboxRepository(connection).first(rooms.keys(), after, AT_ONCE)
        self._forget([one.id for one in rows if not one.is_open])
        moment = now()
        wanted = [one for one in rows if one.is_open and (one.expires_at is None or one.expires_at > moment)]
        fitting = _within(rooms, wanted)
        letters, read, gone = self._letters([(one.to_sandbox_id, one) for one in fitting])
        went = self._inboxes.put(letters, broker)
        self._expire_gone(gone)
        # No message may overtake one that was not delivered.
        stopped = {to for to, some in letters.items() if went[to] < len(some)}
        if read < len(fitting):
            last: int | None = fitting[read].id - 1
        else:
            last = rows[-1].id if len(rows) == AT_ONCE else None
        return _Step(sum(went.values()), [one for one in rooms if one not in stopped], last)

    def _letters(self, outgoing: Sequence[tuple[str, Outgoing]]) -> _Letters:
        """Return letters for the first messages: as many as are not too large together, and at least one."""
        letters: dict[str, list[Letter]] = {}
        gone = []
        size = 0
        for place, (recipient, one) in enumerate(outgoing):
            addressed = self._texts.get(one.sent_by, (other.sent_by for _, other in outgoing[place:]))
            if addressed is None:
                gone.append((one.message_id, recipient))
                continue
            text = addressed.to(recipient)
            size += len(text)
            if size > MOST_BYTES and place:
                return _Letters(letters, place, gone)
            letters.setdefault(recipient, []).append(Letter(one.message_id, text, one.expires_at, one.sent_by))
        return _Letters(letters, len(outgoing), gone)

    def _expire_gone(self, gone: Sequence[tuple[str, str]]) -> None:
        """Expire messages of which the text is gone: they waited longer than texts are kept."""
        if gone:
            logger.warning("%d messages expire: they waited longer than their texts were kept", len(gone))
            self._inboxes.expire(gone, waiting=True)

    def _forget(self, ids: Sequence[int]) -> None:
        """Remove rows whose message came to its end before it was in the inbox."""
        if ids:
            with self._storage.writing() as connection:
                OutboxRepository(connection).remove(ids)


def _within(rooms: dict[str, int], waiting: Sequence[Waiting]) -> list[Waiting]:
    """Return the messages that their inboxes have room for, in order. Recipients without enough room leave `rooms`."""
    fitting = []
    for one in waiting:
        left = rooms.get(one.to_sandbox_id, 0)
        if left > 0:
            rooms[one.to_sandbox_id] = left - 1
            fitting.append(one)
        else:
            rooms.pop(one.to_sandbox_id, None)
    return fitting
