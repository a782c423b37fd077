"""The post office: puts recorded messages into the inboxes of their recipients (docs/decisions/0019, 0027).

What waits stands in the outbox. Everybody who delivers, drains after their commits and the postman (`workers.postman`),
goes through the outbox of a recipient from its first row on and stops at the first that does not go: so order holds,
whoever comes.
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
"""So many messages are put in one step, and so many at the most by a drain: the others are the postman's."""


class Walked(NamedTuple):
    """A step of a walk through the outbox: how many messages went; all recipients up to `after` are served."""

    put: int
    after: str


def moving(events: Sequence[Event]) -> list[Event]:
    """Those after which there is something to deliver: messages, and ends, which make room."""
    return [event for event in events if isinstance(event.data, _MOVING)]


class _Step(NamedTuple):
    put: int
    open: Collection[str]
    """The recipients that take more."""
    last: int | None
    """The row behind which there may be more for them; None if there is none."""


class PostOffice:
    """Delivers what waits. `bell` asks for the postman, who does what a drain leaves."""

    def __init__(self, client: redis.Redis, settings: Settings, storage: Storage, bell: PostBell | None = None) -> None:
        self._storage = storage
        self._inboxes = Inboxes(client, settings)
        self._texts = Texts(storage)
        self._bell = bell

    # --- for drains

    def settle(self, events: Sequence[Event]) -> None:
        """Takes messages that have come to their end, by these recorded events, out of the inboxes.

        Raises redis.RedisError: then the same again.
        """
        ends = [(event.subject, event.data.to_sandbox_id) for event in events if isinstance(event.data, _ENDS)]
        if ends:
            self._inboxes.settle(ends)

    def deliver(self, events: Sequence[Event]) -> None:
        """Delivers what these recorded events of messages ask for, or make room for, if it is little; else rings.

        It may fail, and nothing is lost: what is not delivered here is found by the postman. Raises redis.RedisError.
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
        """Whether the postman was asked for and finds no process free."""
        return self._bell is not None and self._bell.is_overdue()

    def _recipients_of(self, events: Sequence[Event]) -> set[str]:
        """Of a broadcast enough of them to see that it is a large one."""
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
        """Delivers whatever waits, to recipients behind `after`, in order, in small steps; may be left after each.

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
        """Ends the messages whose time is over, in inboxes and in the outbox; yields how many, step by step."""
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
        """How much waits in the outbox."""
        with self._storage.looking() as connection:
            return OutboxRepository(connection).count()

    # --- for redelivery

    def put_again(self, recipient: str, outgoing: Sequence[Outgoing]) -> int:
        """Puts messages that Redis has lost into their inbox once more, in order; how many are there now.

        It stops if the inbox, or Redis, is full; raises as `walk` does.
        """
        put = 0
        while put < len(outgoing) and self._inboxes.take_messages(afresh=True):
            letters = self._letters([(recipient, one) for one in outgoing[put:]])
            some = letters.get(recipient, [])
            went = self._inboxes.put({recipient: some})[recipient] if some else 0
            put += went
            if not some or went < len(some):
                break
        return put

    def expire_lost(self, recipient: str, outgoing: Sequence[Outgoing]) -> int:
        """Ends messages that Redis has lost and whose time is over; how many. Raises as `walk` does."""
        return self._inboxes.expire([(one.message_id, recipient) for one in outgoing], waiting=True)

    # --- putting

    def _deliver(self, recipients: Collection[str], after: int) -> _Step:
        """One step, for some recipients: their first messages behind the row `after`."""
        if not self._inboxes.take_messages():
            return _Step(0, (), None)
        rooms = self._inboxes.rooms(recipients)
        with self._storage.looking() as connection:
            rows = OutboxRepository(connection).first(rooms.keys(), after, AT_ONCE)
        self._forget([one.id for one in rows if not one.is_open])
        moment = now()
        wanted = [one for one in rows if one.is_open and (one.expires_at is None or one.expires_at > moment)]
        fitting = _within(rooms, wanted)
        letters = self._letters([(one.to_sandbox_id, one) for one in fitting])
        went = self._inboxes.put(letters)
        read = sum(map(len, letters.values()))
        # What comes behind must not go before what did not go.
        stopped = {to for to, some in letters.items() if went[to] < len(some)}
        if read < len(fitting):
            last: int | None = fitting[read].id - 1
        else:
            last = rows[-1].id if len(rows) == AT_ONCE else None
        return _Step(sum(went.values()), [one for one in rooms if one not in stopped], last)

    def _letters(self, outgoing: Sequence[tuple[str, Outgoing]]) -> dict[str, list[Letter]]:
        """Letters for the first of them, as many as are not too large together; one at least."""
        letters: dict[str, list[Letter]] = {}
        size = 0
        for place, (recipient, one) in enumerate(outgoing):
            addressed = self._texts.get(one.sent_by, (other.sent_by for _, other in outgoing[place:]))
            assert addressed is not None  # a row of the outbox is written with its event
            text = addressed.to(recipient)
            size += len(text)
            if size > MOST_BYTES and place:
                break
            letters.setdefault(recipient, []).append(Letter(one.message_id, text, one.expires_at, one.sent_by))
        return letters

    def _forget(self, ids: Sequence[int]) -> None:
        """Rows that wait for nothing any more: what they name came to its end before it was in the inbox."""
        if ids:
            with self._storage.writing() as connection:
                OutboxRepository(connection).remove(ids)


def _within(rooms: dict[str, int], waiting: Sequence[Waiting]) -> list[Waiting]:
    """Those that their inboxes have room for, in order; who has none for all of its own is taken out of `rooms`."""
    fitting = []
    for one in waiting:
        left = rooms.get(one.to_sandbox_id, 0)
        if left > 0:
            rooms[one.to_sandbox_id] = left - 1
            fitting.append(one)
        else:
            rooms.pop(one.to_sandbox_id, None)
    return fitting
