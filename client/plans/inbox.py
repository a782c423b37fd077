"""Reading an inbox (contract, section 8): first what is pending for this consumer, then what dead consumers left, then
what is new.

One plan at a time reads: the one that holds the lock. What was read is in `Buffer`. After an error, an interrupt or a
reply that was lost, entries may be pending for this consumer that it does not know: then all of them are read again
(`_again`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from flowledger.client.message import Message
from flowledger.client.plans.buffer import Buffer
from flowledger.client.plans.commands import FIRST_WAIT_SECONDS
from flowledger.client.plans.entries import entries
from flowledger.client.plans.inbox_commands import GroupGone, InboxCommands
from flowledger.client.plans.locks import Lock, holding
from flowledger.client.plans.presence import BEAT_SECONDS, Presence, decoded
from flowledger.client.plans.redis_errors import is_passing
from flowledger.client.plans.routing import Router
from flowledger.client.plans.steps import Plan, Read, Signal, Sleep, WaitFor
from flowledger.domain import streams
from flowledger.domain.settings import Settings

PREFETCH: Final = 10
"""Entries that are read at a time; one, if others share the inbox, for the rest may be theirs."""
_BLOCK_SECONDS: Final = 1.0
_CLAIM_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 0.05


@dataclass(slots=True)
class _Pass:
    """Reads all entries that are pending for this consumer, page by page."""

    after: str = "0-0"


class Inbox:
    """The inbox of one sandbox, for one of its consumers."""

    def __init__(self, sandbox_id: str, settings: Settings, presence: Presence) -> None:
        self.buffer = Buffer()
        self.commands = InboxCommands(sandbox_id, settings)
        self._presence = presence
        self._router = Router(sandbox_id, self.commands, presence, self.buffer)
        self._timeout = settings.publish_timeout_seconds
        self._lease_seconds = settings.mailbox_lease_seconds
        self._lock = Lock()
        self._pass: _Pass | None = _Pass()
        self._pass_lock = threading.Lock()
        self._next_claim = self._next_look = 0.0
        presence.on_move = self._again

    def opening(self) -> Plan[None]:
        """Create the inbox and its group if they are missing; raises PublishError."""
        try:  # a full server refuses to make what is there
            yield from self.commands.ask(self.commands.count_pending())
        except GroupGone:
            yield from self.commands.creating()

    def closing(self, seconds: float) -> Plan[None]:
        """Wait until nobody reads any more, for `seconds` at most."""
        yield from holding(self._lock, _nothing(), seconds)

    def next(self) -> Plan[Message | None]:
        """Return the first ready message that has not expired; raises PublishError."""
        late: list[Message] = []
        message = None
        try:
            while (message := self.buffer.next()) is not None and message.is_late(self._presence.now_ms):
                late.append(message)
            if late:
                ids = [entry_id for one in late for entry_id in self.buffer.entries_of(one)]
                self.buffer.drop(late)
                yield from self.commands.ask(self.commands.hand_over(streams.EXPIRED_CONSUMER, ids))
        except GroupGone:
            self._again()
        except BaseException:
            self.put_back([] if message is None else [message])
            raise
        return message

    def put_back(self, messages: Iterable[Message]) -> None:
        """Take back messages that `next` returned and nobody got: they are read again, and keep their place."""
        self.buffer.drop(messages)
        self._again()

    def reading(self, is_there: Callable[[], bool], seconds: float, most: int | None = None) -> Plan[bool]:
        """Read once, up to `most` entries, and wait up to `seconds` for new ones; return whether it asked for new ones.

        If another plan reads, wait until it has read something, or has ended. `is_there` tells whether the buffer has
        what is wanted: then nothing is read. Raises PublishError if Redis was unreachable for
        `publish_timeout_seconds`, or refuses.
        """
        end, turn = time.monotonic() + seconds, Signal()
        try:
            self.buffer.listen(turn)  # before looking: what comes in between is not missed
            is_first = self._lock.enter(turn)
            if not is_there() and not is_first:
                yield WaitFor(turn, None if seconds == float("inf") else seconds)
            if is_there() or not self._lock.is_held_by(turn):
                return True
            return (yield from self._read_or_again(max(end - time.monotonic(), 0), most))
        finally:
            self._lock.leave(turn)
            self.buffer.unlisten(turn)

    def reading_for_response(self, request_id: str, seconds: float) -> Plan[None]:
        """The same for the response to a request: another consumer may get it, and hand it over to this one."""
        if self._presence.has_company:
            if time.monotonic() >= self._next_look:
                self._next_look = time.monotonic() + _LOOK_SECONDS
                yield from self._looking()
            seconds = min(seconds, _LOOK_SECONDS)
        yield from self.reading(lambda: self.buffer.has_response(request_id), min(seconds, BEAT_SECONDS))

    def _again(self) -> None:
        """Read what is pending for this consumer again, from the beginning: some of it may not be known."""
        with self._pass_lock:
            self._pass = _Pass()

    def _read_or_again(self, seconds: float, most: int | None) -> Plan[bool]:
        try:
            return (yield from self._read(seconds, most))
        except GroupGone:
            self._again()
            yield from self.opening()
            return False
        except BaseException:
            self._again()
            raise

    def _read(self, seconds: float, most: int | None) -> Plan[bool]:
        yield from self._presence.confirming()
        if self._pass is not None:
            yield from self._read_page(self._pass)
            return False
        if (yield from self._claim()):
            return False
        return (yield from self._read_new(seconds, most))

    def _read_page(self, current: _Pass) -> Plan[None]:
        command = self.commands.read_pending(self._presence.name, current.after, PREFETCH)
        (reply,) = yield from self.commands.ask(command)
        found = entries(reply)
        if found:
            current.after = found[-1].id
            yield from self._router.routing(found)
            return
        with self._pass_lock:
            if self._pass is current:
                self._pass = None

    def _read_new(self, seconds: float, most: int | None) -> Plan[bool]:
        began = time.monotonic()
        seconds = min(seconds, _BLOCK_SECONDS, self._timeout / 2)
        most = most or (1 if self._presence.has_company else PREFETCH)
        reply = yield Read(self.commands.read_new(self._presence.name, most, seconds), seconds)
        if not isinstance(reply, Exception):
            yield from self._router.routing(entries(reply))
            return True
        if not is_passing(reply) or time.monotonic() - began >= self._timeout:
            raise self.commands.error(reply)
        self._again()  # which retries
        yield Sleep(FIRST_WAIT_SECONDS)
        return False

    def _claim(self) -> Plan[bool]:
        """Once a second: claim what dead consumers left; return whether there is something pending to read."""
        if time.monotonic() < self._next_claim:
            return False
        self._next_claim = time.monotonic() + _CLAIM_SECONDS
        (summary,) = yield from self.commands.ask(self.commands.count_pending())
        pending = {decoded(name): int(number) for name, number in summary[3] or ()}
        yield from self._presence.forgetting_dead(self._lease_seconds, set(pending))
        if pending.get(self._presence.name, 0) > len(self.buffer):  # another consumer has handed a response over
            self._again()
            return True
        left = yield from self._left_by_dead(pending)
        if left:
            lease_ms = int(self._lease_seconds * 1000)
            yield from self.commands.ask(self.commands.hand_over(self._presence.name, left, lease_ms))
            self._next_claim = 0.0
            self._again()
        return bool(left)

    def _left_by_dead(self, consumers: Iterable[str]) -> Plan[list[str]]:
        """Return some entries that have been pending for dead consumers, for as long as makes a consumer dead.

        A claim resets the idle time of an entry, so of two consumers that claim at once only one gets it.
        """
        others = set(consumers) - {self._presence.name, streams.EXPIRED_CONSUMER}
        dead = [name for name in others if self._presence.is_dead(name, self._lease_seconds)]
        lease_ms = int(self._lease_seconds * 1000)
        answers = yield from self.commands.ask(*(self.commands.pending(name, PREFETCH, lease_ms) for name in dead))
        return [row[0].decode() for rows in answers for row in rows]

    def _looking(self) -> Plan[None]:
        """Read what another consumer has handed over to this one. Needs no lock."""
        try:
            command = self.commands.pending(self._presence.name, len(self.buffer) + PREFETCH)
            (rows,) = yield from self.commands.ask(command)
            if not all(self.buffer.holds(row[0].decode()) for row in rows):
                self._again()
            while (current := self._pass) is not None:
                yield from self._read_page(current)
        except GroupGone:
            self._again()  # who holds the lock creates a new one
        except BaseException:
            self._again()
            raise


def _nothing() -> Plan[None]:
    yield from ()
