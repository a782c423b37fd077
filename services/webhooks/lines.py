"""Audit lines about refused calls, published one after the other by a thread of each process; nobody waits for it long.

A process that has forked has a thread of its own, and leaves the lines of the other one to that. A process that ends
without closing them gives the thread a moment for what is due.
"""

from __future__ import annotations

import atexit
import logging
import os
import time
from collections import deque
from collections.abc import Callable
from threading import Condition, Thread
from typing import Final
from weakref import WeakSet

from flowledger.domain.errors import BrokerFull, BrokerUnavailable, DatabaseUnavailable

logger = logging.getLogger(__name__)

_MOST: Final = 100
"""Lines that wait. Others are left out, and that is logged."""
_CLOSING_SECONDS: Final = 5.0
_EXIT_SECONDS: Final = 2.0
_AWAY: Final = (BrokerFull, BrokerUnavailable, DatabaseUnavailable)
"""After one of these the lines that wait are left out, too: each would wait for as long."""

Publish = Callable[[], object]
"""Publishes one line."""


class Lines:
    """Lines that wait to be published, in whichever process asks. Threads may share it."""

    def __init__(self) -> None:
        self._of: dict[int, _Lines] = {}

    def add(self, publish: Publish) -> None:
        """Have a line published soon, unless too many wait; return at once."""
        self._here().add(publish)

    def close(self) -> None:
        """Wait until what is due is published, for some seconds; what is left then is left out, and that is logged."""
        self._here().close(_CLOSING_SECONDS)

    def _here(self) -> _Lines:
        pid = os.getpid()
        return self._of.get(pid) or self._of.setdefault(pid, _Lines(pid))


class _Lines:
    """The lines of one process. A lock of another one could be held for ever."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._changed = Condition()
        self._waiting: deque[Publish] = deque()
        self._is_started = False
        self._is_closed = False
        _OPEN.add(self)

    def add(self, publish: Publish) -> None:
        with self._changed:
            if self._is_closed:
                return
            if len(self._waiting) >= _MOST:
                logger.warning("an audit line about refused calls is left out: %d others wait", _MOST)
                return
            if not self._is_started:
                try:
                    Thread(target=self._run, name="refused-calls", daemon=True).start()
                except RuntimeError:  # this process ends
                    return
                self._is_started = True
            self._waiting.append(publish)
            self._changed.notify_all()

    def close(self, seconds: float) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._waiting, seconds)
            if self._waiting:
                logger.warning("audit lines about refused calls are left out: %d wait at the end", len(self._waiting))
                self._waiting.clear()

    def _run(self) -> None:
        while (publish := self._next()) is not None:
            failed = None
            try:
                publish()
            except Exception as error:  # nobody waits for this thread
                failed = error
            with self._changed:
                self._done(failed)

    def _next(self) -> Publish | None:
        """Return the first line, which waits until it is done; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closed)
            return self._waiting[0] if self._waiting else None

    def _done(self, failed: Exception | None) -> None:
        if not self._waiting:  # left out by whoever closed these
            return
        if isinstance(failed, _AWAY):
            logger.warning("audit lines about refused calls are left out, %d: %s", len(self._waiting), failed)
            self._waiting.clear()
        else:
            self._waiting.popleft()
            if failed is not None:
                logger.warning("an audit line about refused calls is not published: %s", failed)
        self._changed.notify_all()


_OPEN: Final[WeakSet[_Lines]] = WeakSet()


@atexit.register
def _at_exit() -> None:
    """Give what is due a moment; threads of daemons go on until this returns."""
    until = time.monotonic() + _EXIT_SECONDS
    for one in [*_OPEN]:
        if one.pid == os.getpid():
            one.close(max(0.0, until - time.monotonic()))
