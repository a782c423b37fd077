"""Publishing with a spool: events that Redis does not accept are kept on disk, and sent in order when it does.

While anything waits in the spool, new events go behind it. One plan at a time sends what waits: the one that holds the
lock. While Redis is known to be unreachable, only the background (and `flushing`) tries it, less and less often, so
that publishing takes no longer than the disk.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from flowledger.client.plans.locks import Lock, holding
from flowledger.client.plans.publishing import BATCH, Published, adding, batches
from flowledger.client.plans.steps import Plan, Sleep, run
from flowledger.client.prepared import Prepared
from flowledger.client.spool import Oldest, Spool
from flowledger.domain import streams
from flowledger.domain.errors import AccessDenied, BrokerFull, BrokerUnavailable, PublishError, Refused, SpoolError

logger = logging.getLogger(__name__)

_PATIENCE_SECONDS: Final = 0.5
"""How long an event waits for a Redis that was reachable before: perhaps only the connection is stale."""
_FIRST_WAIT_SECONDS: Final = 0.1
_LONGEST_WAIT_SECONDS: Final = 5.0
_KEPT: Final = (BrokerUnavailable, BrokerFull, AccessDenied)
"""Errors that say nothing of the event: it is kept until Redis accepts it (docs/decisions/0036)."""
_BATCHES_BEFORE: Final = 2
"""Batches of the spool that go before each new batch: so the spool runs empty, even behind a busy publisher."""


class Spooling:
    """A spool, and what is known of Redis; `prepare` makes an event of a line of the spool."""

    def __init__(self, spool: Spool, prepare: Callable[[bytes], Prepared], timeout_seconds: float) -> None:
        self.spool = spool
        self._prepare = prepare
        self._timeout = timeout_seconds
        self._lock = Lock()
        self._tries = 0
        """How many tries to send have ended."""
        self._trouble: PublishError | None = None
        """Why Redis did not accept the last events; None if it did."""
        self._wait = _FIRST_WAIT_SECONDS
        self._next_try = 0.0

    def publishing(self, events: Iterable[Prepared]) -> Plan[list[Published]]:
        """As `plans.publishing`; if Redis is unreachable or full, or denies access, keep the events in the spool.

        Raises SpoolError if they cannot be kept, PublishError if Redis refuses them for another reason.
        """
        published: list[Published] = []
        try:
            for batch in batches(events):
                yield from self._send_before()
                yield from self._publish(batch, published)
        except PublishError as error:
            error.accepted = len(published)
            raise
        return published

    def flushing(self, patience_seconds: float, timeout_seconds: float | None = None) -> Plan[int]:
        """Send what waits; return how many events still wait: none, unless `timeout_seconds` were over first.

        Raises PublishError if Redis has accepted nothing for `patience_seconds`, or denies access; SpoolError if the
        disk fails.
        """
        began = patient_since = time.monotonic()
        while self.spool.waiting:
            done = self._done
            left = self._seconds_left(began, patient_since, patience_seconds, timeout_seconds)
            has_sent = yield from self._send(left)
            now = time.monotonic()
            if self._done > done:
                patient_since = now
            elif self._trouble is not None and now - patient_since >= self._patience(patience_seconds):
                words = f"{self.spool.waiting:,} events wait in the spool {self.spool.path}: {self._trouble.why}"
                raise type(self._trouble)(words, self._trouble.why, self._trouble.address) from self._trouble
            if timeout_seconds is not None and now - began >= timeout_seconds:
                break
            if not has_sent and self._trouble is not None:
                yield Sleep(_FIRST_WAIT_SECONDS)
        return self.spool.waiting

    def in_background(self) -> Plan[None]:
        """Send what waits, and retry as long as it takes; end if nothing is left, or when the publisher is closed."""
        while self.spool.waiting:
            pause = 0.0 if self._trouble is None else max(self._next_try - time.monotonic(), 0.0)
            if (yield Sleep(pause)):
                return
            try:
                yield from self._send(None)
            except SpoolError as error:
                self._note(error)

    def closing(self) -> Plan[None]:
        """Send what can be sent in a moment, log what cannot, and close the spool."""
        try:
            yield from self.flushing(0, self._timeout)
        except PublishError as error:
            logger.debug("closing: %s", error)
        finally:
            if self.spool.waiting:
                words = "%d events wait in the spool %s: the next publisher that has it sends them"
                logger.warning(words, self.spool.waiting, self.spool.path)
            self.spool.close()

    def _patience(self, seconds: float) -> float:
        """How long to retry: `seconds`, but less if a right is missing, which does not come by itself."""
        return min(seconds, _PATIENCE_SECONDS) if isinstance(self._trouble, AccessDenied) else seconds

    def _seconds_left(
        self, began: float, patient_since: float, patience_seconds: float, timeout_seconds: float | None
    ) -> float | None:
        """How long `flushing` may wait for another plan that sends; None: any time."""
        now = time.monotonic()
        left = [] if timeout_seconds is None else [began + timeout_seconds - now]
        if self._trouble is not None:
            left.append(patient_since + self._patience(patience_seconds) - now)
        return max(min(left), 0.0) if left else None

    @property
    def _done(self) -> int:
        return self.spool.sent + self.spool.refused

    def _publish(self, batch: list[Prepared], published: list[Published]) -> Plan[None]:
        """Add to `published` what becomes of `batch`: confirmed by Redis, or kept."""
        confirmed: list[Published] = []
        if not self.spool.waiting:
            confirmed, error = yield from adding(batch, min(_PATIENCE_SECONDS, self._timeout))
            published += confirmed
            if error is not None and not isinstance(error, _KEPT):
                raise error
            self._note(error)
        rest = batch[len(confirmed) :]
        if rest:
            yield from run(partial(self.spool.append, [event.raw for event in rest]))
            published += [Published(event.id, streams.stream(event.shard), None) for event in rest]

    def _send_before(self) -> Plan[None]:
        """If Redis accepts events, send some that wait before new ones are kept behind them."""
        goal = self._done + _BATCHES_BEFORE * BATCH
        end = time.monotonic() + _PATIENCE_SECONDS
        while self.spool.waiting and self._trouble is None and self._done < goal:
            left = end - time.monotonic()
            if left <= 0:
                return
            yield from self._send(left)

    def _send(self, seconds: float | None) -> Plan[bool]:
        """Send the oldest events; return False if Redis does not accept them, or others send for so many `seconds`."""
        tries = self._tries
        return bool((yield from holding(self._lock, self._send_oldest(tries), seconds)))

    def _send_oldest(self, tries: int) -> Plan[bool]:
        if self._trouble is not None and self._tries > tries:
            return False  # another plan tried while this one waited for the lock
        if not self.spool.waiting:
            return True
        oldest, events, refused = yield from run(self._next)
        if refused is not None and not events:
            yield from run(partial(self.spool.put_aside, oldest, str(refused)))
            return True
        confirmed, error = yield from adding(events, 0)
        yield from run(partial(self.spool.drop, oldest, len(confirmed)))
        self._note(error)
        return error is None

    def _next(self) -> tuple[Oldest, list[Prepared], Refused | None]:
        """The oldest lines, the events in them before the first line that is no event, and why that is none.

        Only one line while Redis is in trouble: a server that accepts it and does not answer gets it again and again.
        """
        oldest = self.spool.oldest(1 if self._trouble else BATCH)
        events: list[Prepared] = []
        for line in oldest.lines:
            try:
                events.append(self._prepare(line))
            except Refused as refused:
                return oldest, events, refused
        return oldest, events, None

    def _note(self, error: PublishError | None) -> None:
        """Note what the last try says of Redis."""
        self._tries += 1
        if error is not None:
            if type(error) is not type(self._trouble):
                level = logging.ERROR if isinstance(error, AccessDenied) else logging.WARNING
                logger.log(level, "events wait in the spool %s: %s", self.spool.path, error.why)
            self._trouble = error
            self._next_try = time.monotonic() + self._wait
            self._wait = min(2 * self._wait, _LONGEST_WAIT_SECONDS)
        elif self._trouble is not None:
            logger.warning("Redis takes events again; %d wait in the spool %s", self.spool.waiting, self.spool.path)
            self._trouble = None
            self._wait = _FIRST_WAIT_SECONDS
