"""Publishing with a spool: what Redis does not take is kept on disk and sent, in order, when it takes events again.

Plans (`client.plans`). While anything waits in the spool, new events go behind it. One at a time sends
what waits: whoever has the turn; nobody waits for it but `flushing`. While Redis is known to be away, only the
background (and `flushing`) tries it, less and less often, so that publishing takes no longer than the disk.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from flowledger.client.plans.publishing import BATCH, Published, adding, batches
from flowledger.client.plans.steps import Plan, Wait, done
from flowledger.client.prepared import Prepared
from flowledger.client.spool import Oldest, Spool
from flowledger.domain import streams
from flowledger.domain.errors import AccessDenied, BrokerFull, BrokerUnavailable, PublishError, Refused, SpoolError

logger = logging.getLogger(__name__)

_PATIENCE_SECONDS: Final = 0.5
"""How long an event waits for a Redis that went away just now, before it is kept: a connection may only be stale."""
_FIRST_WAIT_SECONDS: Final = 0.1
_LONGEST_WAIT_SECONDS: Final = 5.0
_TURN_SECONDS: Final = 0.005
_KEPT: Final = (BrokerUnavailable, BrokerFull, AccessDenied)
"""Errors that say nothing of the event: it is kept until Redis takes it (docs/decisions/0036)."""
_BATCHES_BEFORE: Final = 2
"""Batches of the spool that go before each new batch: so the spool runs empty, even behind a busy publisher."""


class Spooling:
    """A spool, and what is known of Redis; `prepare` makes an event of a line of the spool."""

    def __init__(self, spool: Spool, prepare: Callable[[bytes], Prepared], timeout_seconds: float) -> None:
        self.spool = spool
        self._prepare = prepare
        self._timeout = timeout_seconds
        self._turn = threading.Lock()
        self._away: PublishError | None = None
        self._wait = _FIRST_WAIT_SECONDS
        self._next_try = 0.0

    def publishing(self, events: Iterable[Prepared]) -> Plan[list[Published]]:
        """As `client.publishing.publishing`; if Redis is away or full, or denies access, events are kept in the spool.

        Raises SpoolError if they cannot be kept, PublishError if Redis refuses them for another reason.
        """
        published: list[Published] = []
        try:
            for batch in batches(events):
                yield from self._let_go_before()
                yield from self._publish(batch, published)
        except PublishError as error:
            error.accepted = len(published)
            raise
        return published

    def flushing(self, patience_seconds: float, timeout_seconds: float | None = None) -> Plan[int]:
        """Sends what waits; how many events still wait: none, but where `timeout_seconds` were over first.

        Raises PublishError if Redis has taken nothing for `patience_seconds`, or denies access; SpoolError if the disk
        fails.
        """
        began = patient_since = time.monotonic()
        while self.spool.waiting:
            done = self._done
            went = yield from self._send()
            now = time.monotonic()
            if self._done > done:
                patient_since = now
            elif self._away is not None and now - patient_since >= self._patience(patience_seconds):
                words = f"{self.spool.waiting:,} events wait in the spool {self.spool.path}: {self._away.why}"
                raise type(self._away)(words, self._away.why) from self._away
            if timeout_seconds is not None and now - began >= timeout_seconds:
                break
            if not went:
                yield Wait(_TURN_SECONDS if self._away is None else _FIRST_WAIT_SECONDS)
        return self.spool.waiting

    def in_background(self) -> Plan[None]:
        """Sends what waits, trying again as long as it takes; ends where nothing is left, or at the publisher's end."""
        while self.spool.waiting:
            pause = 0.0 if self._away is None else max(self._next_try - time.monotonic(), 0.0)
            if (yield Wait(pause)):
                return
            try:
                went = yield from self._send()
            except SpoolError as error:
                self._heard(error)
                continue
            if not went and self._away is None and (yield Wait(_TURN_SECONDS)):
                return

    def closing(self) -> Plan[None]:
        """Sends what can be sent in a moment, says what cannot, and gives the spool up."""
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
        """How long to go on trying: `seconds`, but a right that is missing does not come by itself."""
        return min(seconds, _PATIENCE_SECONDS) if isinstance(self._away, AccessDenied) else seconds

    @property
    def _done(self) -> int:
        return self.spool.sent + self.spool.refused

    def _publish(self, batch: list[Prepared], published: list[Published]) -> Plan[None]:
        """What becomes of `batch`, added to `published`: confirmed by Redis, or kept."""
        confirmed: list[Published] = []
        if not self.spool.waiting:
            confirmed, error = yield from adding(batch, min(_PATIENCE_SECONDS, self._timeout))
            published += confirmed
            if error is not None and not isinstance(error, _KEPT):
                raise error
            self._heard(error)
        rest = batch[len(confirmed) :]
        if rest:
            yield from done(partial(self.spool.append, [event.raw for event in rest]))
            published += [Published(event.id, streams.stream(event.shard), None) for event in rest]

    def _let_go_before(self) -> Plan[None]:
        """Where Redis takes events, some that wait go before new ones are kept behind them."""
        goal = self._done + _BATCHES_BEFORE * BATCH
        end = time.monotonic() + _PATIENCE_SECONDS
        while self.spool.waiting and self._away is None and self._done < goal and time.monotonic() < end:
            if not (yield from self._send()):
                yield Wait(_TURN_SECONDS)

    def _send(self) -> Plan[bool]:
        """Sends the oldest events; False where somebody else is at it, or Redis does not take them."""
        if not self._turn.acquire(blocking=False):
            return False
        try:
            oldest, events, refused = yield from done(self._next)
            if refused is not None and not events:
                yield from done(partial(self.spool.put_aside, oldest, str(refused)))
                return True
            confirmed, error = yield from adding(events, 0)
            yield from done(partial(self.spool.drop, oldest, len(confirmed)))
            self._heard(error)
            return error is None
        finally:
            self._turn.release()

    def _next(self) -> tuple[Oldest, list[Prepared], Refused | None]:
        """The oldest lines, the events that they are up to the first that is none, and why that is none.

        One alone where Redis is away: a server that takes it and does not answer gets it again and again.
        """
        oldest = self.spool.oldest(1 if self._away else BATCH)
        events: list[Prepared] = []
        for line in oldest.lines:
            try:
                events.append(self._prepare(line))
            except Refused as refused:
                return oldest, events, refused
        return oldest, events, None

    def _heard(self, error: PublishError | None) -> None:
        """What the last try says of Redis."""
        if error is not None:
            if type(error) is not type(self._away):
                level = logging.ERROR if isinstance(error, AccessDenied) else logging.WARNING
                logger.log(level, "events wait in the spool %s: %s", self.spool.path, error.why)
            self._away = error
            self._next_try = time.monotonic() + self._wait
            self._wait = min(2 * self._wait, _LONGEST_WAIT_SECONDS)
        elif self._away is not None:
            logger.warning("Redis takes events again; %d wait in the spool %s", self.spool.waiting, self.spool.path)
            self._away = None
            self._wait = _FIRST_WAIT_SECONDS
