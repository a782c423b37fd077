"""A lock that plans wait for by a step: the same in threads and in event loops, without polling."""

from __future__ import annotations

import threading
from collections import deque

from flowledger.client.plans.steps import Plan, Result, Signal, WaitFor


class Lock:
    """First come, first served: the signal at the head of the queue holds the lock.

    A plan that is cancelled or interrupted leaves the queue like any other. If the lock had just become its own, the
    next in the queue gets it: no wake-up is lost, and the lock is never held by a plan that has ended.
    """

    def __init__(self) -> None:
        self._guard = threading.RLock()  # reentrant: the garbage collector may end a plan while it is held
        self._queue: deque[Signal] = deque()

    def enter(self, signal: Signal) -> bool:
        """Join the queue; return whether the lock is held by `signal` at once. Otherwise it is set when it is."""
        with self._guard:
            self._queue.append(signal)
            return self._queue[0] is signal

    def leave(self, signal: Signal) -> None:
        """Release the lock, or leave the queue; does nothing if `signal` is not in it."""
        with self._guard:
            if signal in self._queue:
                self._queue.remove(signal)
                if self._queue:
                    self._queue[0].set()

    def is_held_by(self, signal: Signal) -> bool:
        """Whether `signal` holds the lock."""
        with self._guard:
            return bool(self._queue) and self._queue[0] is signal


def holding(lock: Lock, plan: Plan[Result], seconds: float | None = None) -> Plan[Result | None]:
    """Follow `plan` while the lock is held, and return its result.

    Return None if the lock was not free within `seconds` (None: any time), or the driver was stopped before it was.
    """
    signal = Signal()
    try:
        if not lock.enter(signal):
            yield WaitFor(signal, seconds)
            if not lock.is_held_by(signal):
                return None
        return (yield from plan)
    finally:
        lock.leave(signal)
