"""What a mailbox has in its hands: messages read and not acknowledged, and who waits for which response."""

from __future__ import annotations

import threading
from bisect import insort
from collections.abc import Iterable

from flowledger.client.message import Message


class Buffer:
    """Safe to share between threads. Messages are in order of their entries, however they came."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ready: list[Message] = []
        """Not handed out yet."""
        self._held: dict[str, Message] = {}
        """By entry id, those not handed out among them."""
        self._entry_of: dict[str, str] = {}
        """For the id of each message, its entry."""
        self._copies: dict[str, list[str]] = {}
        """For that entry, other entries with the same message, as after Redis lost its data and got it again."""
        self._copied: dict[str, str] = {}
        """For each such entry, the one that holds the message."""
        self._awaited: dict[str, Message | None] = {}
        """For the id of each request that is waited for, its response where it came."""

    def __len__(self) -> int:
        return len(self._held) + len(self._copied)

    def holds(self, entry_id: str) -> bool:
        """Whether this entry is known."""
        return entry_id in self._held or entry_id in self._copied

    def entries_of(self, message: Message) -> list[str]:
        """The entries that hold this message: all of them leave the inbox with it."""
        with self._lock:
            return [message.entry_id, *self._copies.get(message.entry_id, ())]

    def put(self, message: Message) -> None:
        """Takes a message. A second copy of one that is held is kept with it, and not handed out.

        It stays in the inbox until the message is acknowledged: the first one may be there no more. A message goes
        first to where it is handed out from: an interrupt in between may double it, but not lose it.
        """
        with self._lock:
            if self.holds(message.entry_id):
                return
            first = self._entry_of.get(message.id)
            if first is not None:
                self._copies.setdefault(first, []).append(message.entry_id)
                self._copied[message.entry_id] = first
                return
            if self._answers(message):
                assert message.in_reply_to is not None
                self._awaited[message.in_reply_to] = message
            else:
                self._make_ready(message)
            self._held[message.entry_id] = message
            self._entry_of[message.id] = message.entry_id

    def next(self) -> Message | None:
        """The first message to be handed out."""
        with self._lock:
            return self._ready.pop(0) if self._ready else None

    def drop(self, messages: Iterable[Message]) -> None:
        """Forgets messages that are acknowledged, or in other hands."""
        with self._lock:
            for message in messages:
                if self._held.pop(message.entry_id, None) is not None:
                    self._entry_of.pop(message.id, None)
                    for copy in self._copies.pop(message.entry_id, ()):
                        self._copied.pop(copy, None)

    def expect(self, request_id: str) -> None:
        """From now on the response to this request is kept for who waits for it."""
        self._awaited[request_id] = None

    def expects(self, request_id: str) -> bool:
        """Whether somebody waits for the response to this request."""
        return request_id in self._awaited

    def response(self, request_id: str) -> Message | None:
        """The response, where it came; it is handed out by this, once."""
        with self._lock:
            response = self._awaited[request_id]
            self._awaited[request_id] = None
            return response

    def forget(self, request_id: str) -> None:
        """Nobody waits any more: a response that came and was not handed out is a message like any other."""
        with self._lock:
            response = self._awaited.pop(request_id, None)
            if response is not None:
                self._make_ready(response)

    def _answers(self, message: Message) -> bool:
        """Whether somebody waits for it."""
        asked = message.in_reply_to
        return message.message_type == "response" and asked in self._awaited and self._awaited[asked] is None

    def _make_ready(self, message: Message) -> None:
        insort(self._ready, message, key=_place)


def _place(message: Message) -> tuple[int, int]:
    milliseconds, _, number = message.entry_id.partition("-")
    return int(milliseconds), int(number)
