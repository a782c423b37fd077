"""The messages that a mailbox has read and not acknowledged, and the requests whose responses are awaited."""

from __future__ import annotations

import threading
from bisect import insort
from collections.abc import Iterable

from flowledger.client.message import Message
from flowledger.client.plans.steps import Signal
from flowledger.domain.errors import InvalidArgument


class Buffer:
    """Safe to share between threads. Messages are in the order of their entries, in whatever order they were put."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # reentrant: the garbage collector may end a plan that listens
        self._ready: list[Message] = []
        """Not given to anybody yet."""
        self._held: dict[str, Message] = {}
        """All messages by entry id, the ready ones among them."""
        self._entry_of: dict[str, str] = {}
        """The entry id of each message id."""
        self._copies: dict[str, list[str]] = {}
        """By that entry id, other entries with the same message, as after Redis lost its data and got it again."""
        self._copied: dict[str, str] = {}
        """For each such entry, the one whose message is held."""
        self._awaited: dict[str, Message | None] = {}
        """By the id of each awaited request, its response if there is one."""
        self._listeners: set[Signal] = set()

    def __len__(self) -> int:
        return len(self._held) + len(self._copied)

    def holds(self, entry_id: str) -> bool:
        """Return whether this entry is known."""
        return entry_id in self._held or entry_id in self._copied

    def entries_of(self, message: Message) -> list[str]:
        """Return the entries that hold this message: all of them leave the inbox with it."""
        with self._lock:
            return [message.entry_id, *self._copies.get(message.entry_id, ())]

    def put(self, message: Message) -> None:
        """Add a message. A second copy of a message that is held is kept with it, and given to nobody.

        The copy stays in the inbox until the message is acknowledged: the first entry may have been deleted. A message
        is made ready before it counts as held: an interrupt in between may double it, but not lose it.
        """
        with self._lock:
            if self.holds(message.entry_id):
                return
            first = self._entry_of.get(message.id)
            if first is not None:
                self._copies.setdefault(first, []).append(message.entry_id)
                self._copied[message.entry_id] = first
                return
            if self._is_awaited(message):
                assert message.in_reply_to is not None
                self._awaited[message.in_reply_to] = message
            else:
                self._make_ready(message)
            self._held[message.entry_id] = message
            self._entry_of[message.id] = message.entry_id
            self._tell_listeners()

    def next(self) -> Message | None:
        """Return the first ready message, which is then no longer ready."""
        with self._lock:
            return self._ready.pop(0) if self._ready else None

    def has_next(self) -> bool:
        """Return whether a message is ready."""
        return bool(self._ready)

    def drop(self, messages: Iterable[Message]) -> None:
        """Forget messages that are acknowledged, or pending for another consumer."""
        with self._lock:
            for message in messages:
                if self._held.pop(message.entry_id, None) is not None:
                    self._entry_of.pop(message.id, None)
                    for copy in self._copies.pop(message.entry_id, ()):
                        self._copied.pop(copy, None)

    def expect(self, request_id: str) -> None:
        """Keep the response to this request, from now on, for `response`; raises InvalidArgument if one is awaited."""
        with self._lock:
            if request_id in self._awaited:
                raise InvalidArgument(f"another call awaits the response to {request_id}: give this one another id")
            self._awaited[request_id] = None

    def expects(self, request_id: str) -> bool:
        """Return whether the response to this request is awaited."""
        return request_id in self._awaited

    def has_response(self, request_id: str) -> bool:
        """Return whether the response to an awaited request is there."""
        return self._awaited[request_id] is not None

    def response(self, request_id: str) -> Message | None:
        """Return the response to an awaited request if it is there, once."""
        with self._lock:
            response = self._awaited[request_id]
            self._awaited[request_id] = None
            return response

    def forget(self, request_id: str) -> None:
        """Await the response no longer: one that is there, and was given to nobody, becomes ready like any message."""
        with self._lock:
            response = self._awaited.pop(request_id, None)
            if response is not None:
                self._make_ready(response)
                self._tell_listeners()

    def listen(self, listener: Signal) -> None:
        """Set `listener` when a message, or an awaited response, is there."""
        with self._lock:
            self._listeners.add(listener)

    def unlisten(self, listener: Signal) -> None:
        """Forget the listener."""
        with self._lock:
            self._listeners.discard(listener)

    def _is_awaited(self, message: Message) -> bool:
        asked = message.in_reply_to
        return message.message_type == "response" and asked in self._awaited and self._awaited[asked] is None

    def _make_ready(self, message: Message) -> None:
        insort(self._ready, message, key=_place)

    def _tell_listeners(self) -> None:
        for listener in self._listeners:
            listener.set()


def _place(message: Message) -> tuple[int, int]:
    milliseconds, _, number = message.entry_id.partition("-")
    return int(milliseconds), int(number)
