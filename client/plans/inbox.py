"""Reading an inbox (contract, section 8): what this consumer had in its hands, what dead ones left, what is new.

Plans (`client.plans`). One at a time reads: whoever has the turn. What was read is in `Buffer`; whatever becomes of a
reading (an error, an interrupt, an answer that was lost), what Redis has put into this consumer's hands meanwhile is
found by looking through all of them again (`_again`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from flowledger.client.message import Message
from flowledger.client.plans.buffer import Buffer
from flowledger.client.plans.entries import entries
from flowledger.client.plans.inbox_commands import GroupGone, InboxCommands
from flowledger.client.plans.presence import BEAT_SECONDS, Presence, decoded
from flowledger.client.plans.redis_errors import passes
from flowledger.client.plans.routing import Router
from flowledger.client.plans.steps import FIRST_WAIT_SECONDS, Listen, Plan, Wait
from flowledger.domain import streams
from flowledger.domain.settings import Settings

PREFETCH: Final = 10
"""So many entries are read at a time; one, where others share the inbox: the rest may be theirs."""
_BLOCK_SECONDS: Final = 1.0
_CLAIM_SECONDS: Final = 1.0
_TURN_SECONDS: Final = 0.005
_LOOK_SECONDS: Final = 0.05


@dataclass(slots=True)
class _Pass:
    """A look through all that Redis has put into this consumer's hands, page by page."""

    after: str = "0-0"


class Inbox:
    """The inbox of one sandbox, for one of its consumers."""

    def __init__(self, sandbox_id: str, settings: Settings, presence: Presence) -> None:
        self.hands = Buffer()
        self.commands = InboxCommands(sandbox_id, settings)
        self._presence = presence
        self._sorting = Router(sandbox_id, self.commands, presence, self.hands)
        self._timeout = settings.publish_timeout_seconds
        self._lease_seconds = settings.mailbox_lease_seconds
        self._turn = threading.Lock()
        self._pass: _Pass | None = _Pass()
        self._pass_lock = threading.Lock()
        self._next_claim = self._next_look = 0.0
        presence.on_move = self._again

    def opening(self) -> Plan[None]:
        """Makes the inbox and its group where they are missing; raises PublishError."""
        try:  # a full server refuses to make what is there
            yield from self.commands.ask(self.commands.count_held())
        except GroupGone:
            yield from self.commands.creating()

    def closing(self, seconds: float) -> Plan[None]:
        """Waits until nobody reads any more; not longer than `seconds`."""
        end = time.monotonic() + seconds
        while self._turn.locked() and time.monotonic() < end:
            yield Wait(_TURN_SECONDS)

    def next(self) -> Plan[Message | None]:
        """The first message that was read and not handed out, and whose time is not over; raises PublishError."""
        late: list[Message] = []
        message = None
        try:
            while (message := self.hands.next()) is not None and message.is_late(self._presence.now_ms):
                late.append(message)
            if late:
                ids = [entry_id for one in late for entry_id in self.hands.entries_of(one)]
                self.hands.drop(late)
                yield from self.commands.ask(self.commands.hand_over(streams.EXPIRED_CONSUMER, ids))
        except GroupGone:
            self._again()
        except BaseException:
            self.put_back([] if message is None else [message])
            raise
        return message

    def put_back(self, messages: Iterable[Message]) -> None:
        """Messages that `next` gave, and that nobody got: they come again, in their place."""
        self.hands.drop(messages)
        self._again()

    def reading(self, seconds: float, most: int | None = None) -> Plan[bool]:
        """Reads once, up to `most`, and waits up to `seconds` for new ones; whether it has come to what is new.

        Raises PublishError where Redis was away for `publish_timeout_seconds`, or refuses.
        """
        if not self._turn.acquire(blocking=False):
            yield Wait(_TURN_SECONDS)
            return True
        try:
            return (yield from self._read(seconds, most))
        except GroupGone:
            self._again()
            yield from self.opening()
            return False
        except BaseException:
            self._again()
            raise
        finally:
            self._turn.release()

    def reading_for_response(self, seconds: float) -> Plan[None]:
        """The same for a request: another consumer may get the response, and put it into this one's hands."""
        if self._presence.has_company:
            if time.monotonic() >= self._next_look:
                self._next_look = time.monotonic() + _LOOK_SECONDS
                yield from self._looking()
            seconds = min(seconds, _LOOK_SECONDS)
        yield from self.reading(min(seconds, BEAT_SECONDS))

    def _again(self) -> None:
        """What this consumer has in its hands is looked through from the beginning: some of it may not be known."""
        with self._pass_lock:
            self._pass = _Pass()

    def _read(self, seconds: float, most: int | None) -> Plan[bool]:
        yield from self._presence.confirming()
        if self._pass is not None:
            yield from self._read_page(self._pass)
            return False
        if (yield from self._claim()):
            return False
        return (yield from self._read_new(seconds, most))

    def _read_page(self, current: _Pass) -> Plan[None]:
        command = self.commands.read_held(self._presence.name, current.after, PREFETCH)
        (reply,) = yield from self.commands.ask(command)
        found = entries(reply)
        if found:
            current.after = found[-1].id
            yield from self._sorting.taking(found)
            return
        with self._pass_lock:
            if self._pass is current:
                self._pass = None

    def _read_new(self, seconds: float, most: int | None) -> Plan[bool]:
        began = time.monotonic()
        seconds = min(seconds, _BLOCK_SECONDS, self._timeout / 2)
        most = most or (1 if self._presence.has_company else PREFETCH)
        reply = yield Listen(self.commands.read_new(self._presence.name, most, seconds), seconds)
        if not isinstance(reply, Exception):
            yield from self._sorting.taking(entries(reply))
            return True
        if not passes(reply) or time.monotonic() - began >= self._timeout:
            raise self.commands.error(reply)
        self._again()  # which is patient
        yield Wait(FIRST_WAIT_SECONDS)
        return False

    def _claim(self) -> Plan[bool]:
        """Once a second: takes over what dead consumers left; whether there is something to look through."""
        if time.monotonic() < self._next_claim:
            return False
        self._next_claim = time.monotonic() + _CLAIM_SECONDS
        (summary,) = yield from self.commands.ask(self.commands.count_held())
        held = {decoded(name): int(number) for name, number in summary[3] or ()}
        yield from self._presence.forgetting_dead(self._lease_seconds, set(held))
        if held.get(self._presence.name, 0) > len(self.hands):  # somebody has handed a response over
            self._again()
            return True
        left = yield from self._left_by_dead(held)
        if left:
            lease_ms = int(self._lease_seconds * 1000)
            yield from self.commands.ask(self.commands.hand_over(self._presence.name, left, lease_ms))
            self._next_claim = 0.0
            self._again()
        return bool(left)

    def _left_by_dead(self, held: Iterable[str]) -> Plan[list[str]]:
        """Some entries that dead consumers have had in their hands for as long as makes them dead.

        To claim an entry makes it young again, so of two that claim at once only one gets it.
        """
        others = set(held) - {self._presence.name, streams.EXPIRED_CONSUMER}
        dead = [name for name in others if self._presence.is_dead(name, self._lease_seconds)]
        lease_ms = int(self._lease_seconds * 1000)
        answers = yield from self.commands.ask(*(self.commands.held(name, PREFETCH, lease_ms) for name in dead))
        return [row[0].decode() for rows in answers for row in rows]

    def _looking(self) -> Plan[None]:
        """Looks whether something was put into this consumer's hands, and reads it. Needs no turn."""
        try:
            command = self.commands.held(self._presence.name, len(self.hands) + PREFETCH)
            (rows,) = yield from self.commands.ask(command)
            if not all(self.hands.holds(row[0].decode()) for row in rows):
                self._again()
            while (current := self._pass) is not None:
                yield from self._read_page(current)
        except GroupGone:
            self._again()  # who has the turn makes a new one
        except BaseException:
            self._again()
            raise
