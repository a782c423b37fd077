"""The pump: rings a drain for each shard that has entries and no drain (docs/architecture.md).

The pump is level-triggered: recorded entries are deleted, so a stream that has entries has work. Redis wakes the pump
when an entry comes to a shard that it watches, or when a drain leaves; and it checks all shards regularly. A shard that
was rung, or has a drain, is not watched, because that drain looks again before it leaves.

If Celery does not carry the bells (Redis has no memory left for its messages, or its worker consumes nothing), the pump
drains by itself: what is recorded is deleted, and makes room.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from enum import IntEnum
from typing import Any, Final

import redis
from kombu.exceptions import OperationalError

from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.workers import regular_bells, scripts
from flowledger.workers.background import BackgroundThread
from flowledger.workers.connections import peeking, text
from flowledger.workers.replies import Beyond
from flowledger.workers.tending import tend

logger = logging.getLogger(__name__)

_STALLED_SECONDS: Final = 30.0
_RETRY_SECONDS: Final = 1.0
_HUNG_SECONDS: Final = 120.0
"""A turn that takes this much longer than a poll hangs: the longest ones drain while the database is slow."""
_LARGE_SECONDS: Final = 3.0
"""How often a shard whose first entry is large is checked: Redis copies that entry each time."""


class Ring(IntEnum):
    """What became of a bell."""

    UNDER_WAY = 0
    RUNG = 1
    PAUSED = 2
    HELD = 3


class Bell:
    """Sends a drain to a shard, unless one is at work or on its way, or none may run."""

    def __init__(self, client: redis.Redis, settings: Settings, send: Callable[[int], None]) -> None:
        self._client = client
        self._milliseconds = int(settings.lease_seconds * 1000)
        self._send = send

    def ring(self, shard: int) -> Ring:
        """Send a drain if one is needed. A lost bell rings again when its key has expired."""
        keys = (streams.lease(shard), streams.bell(shard), streams.WATCH, streams.HOLD, streams.PAUSED)
        rung = Ring(self._client.eval(scripts.RING, len(keys), *keys, str(self._milliseconds), str(shard)))
        if rung is Ring.RUNG:
            try:
                self._send(shard)
            except Exception:
                self._client.delete(streams.bell(shard))  # no drain will come
                raise
        return rung


class Pump(BackgroundThread):
    """Watches all shards and rings their bells.

    `send` sends a shard's drain as a Celery task; `drain` does the same here and now. `post` sends the postman,
    `schedules` the scheduler, `maintain` who lets go what is too old.
    """

    def __init__(
        self,
        settings: Settings,
        send: Callable[[int], None],
        drain: Callable[[int], object],
        post: Callable[[], None] = lambda: None,
        schedules: Callable[[], None] = lambda: None,
        *,
        maintain: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__("pump", self._run, join_seconds=settings.poll_seconds + 5)  # a poll may be under way
        self._settings = settings
        self._client = peeking(settings, socket_timeout=settings.poll_seconds + 10)
        self._bell = Bell(self._client, settings, send)
        self._drain = drain
        self._post = post
        self._schedules = schedules
        self._maintain = maintain
        self._shards = {streams.stream(shard): shard for shard in range(settings.shards)}
        self._watched = set(self._shards)
        self._large: dict[str, float] = {}
        self._looked_at = 0.0
        self._idle_after = "$"
        self._heads: dict[str, tuple[str, float]] = {}
        self._carried = True
        self._patience = _STALLED_SECONDS
        self._turned_at = time.monotonic()

    def turns(self) -> bool:
        """Return whether the pump does its work, or waits for the broker: it does not hang, and its thread lives."""
        waited = time.monotonic() - self._turned_at
        return self.is_running() and waited < self._settings.poll_seconds + _HUNG_SECONDS

    def _run(self, stopping: threading.Event) -> None:
        away = False
        while not stopping.is_set():
            self._turned_at = time.monotonic()
            try:
                self._turn()
                if away:
                    logger.warning("the broker is back")
                    away = False
            except Exception as error:  # a pump that ends would stop the service
                if not away:
                    logger.warning("the pump waits for the broker: %s", error)
                    away = True
                self._idle_after = "$"
                stopping.wait(_RETRY_SECONDS)

    def _turn(self) -> None:
        """Wait for work, for one poll at most, and do it."""
        if time.monotonic() - self._looked_at >= self._settings.poll_seconds:
            tend(self._client, self._settings)
            self._looked_at = time.monotonic()
            self._watched = {key for key in self._shards if self._looked_at >= self._large.get(key, 0.0)}
            self._idle_after = self._newest_idle()
            self._call_others()
        for key, entries in self._wait():
            if key == streams.IDLE:
                self._idle_after = entries[-1][0].decode()
                self._watched = set(self._shards)
            else:
                self._watched.discard(key)
                self._attend(key, entries[0][0].decode())

    def _call_others(self) -> None:
        """Call postman and services regularly, once for all workers. While Redis is full, they can do nothing."""
        try:
            regular_bells.SCHEDULES.ring(self._client, self._settings.schedule_seconds, self._schedules)
            if not self._settings.keeping.is_for_ever:
                regular_bells.MAINTENANCE.ring(self._client, self._settings.maintain_seconds, self._maintain)
            if self._client.set(streams.ROUND, "rung", nx=True, px=max(1, int(self._settings.post_seconds * 1000))):
                self._post()
        except (OperationalError, redis.OutOfMemoryError) as error:
            if not is_out_of_memory(error):
                raise

    def _wait(self) -> list[tuple[str, Any]]:
        """Return the streams that have entries: of shards the oldest entry, of the idle stream the new ones."""
        if self._idle_after == "$":
            self._idle_after = self._newest_idle()
            self._watched = set(self._shards)
        left = self._settings.poll_seconds - (time.monotonic() - self._looked_at)
        watched = sorted(self._watched)
        try:
            reply = self._client.execute_command(
                "XREAD", "COUNT", 1, "BLOCK", max(1, int(left * 1000)),
                "STREAMS", streams.IDLE, *watched, self._idle_after, *("0" for _ in watched),
            )  # fmt: skip
        except Beyond as beyond:
            whole, (key,), _, (head,) = beyond.around
            self._large[key.decode()] = time.monotonic() + _LARGE_SECONDS
            reply = [*whole, (key, [(head, None)])]
        return [(key.decode(), entries) for key, entries in reply or ()]

    def _newest_idle(self) -> str:
        """Return the last entry of the idle stream. It is asked for again and again: the stream may begin anew."""
        newest: Any = self._client.xrevrange(streams.IDLE, count=1)
        return text(newest[0][0]) if newest else "0-0"

    def _attend(self, key: str, head: str) -> None:
        """Have a shard recorded that has entries; `head` is the oldest one."""
        shard = self._shards[key]
        try:
            rung = self._bell.ring(shard)
        except (OperationalError, redis.OutOfMemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if self._carried:
                logger.warning("Redis has no memory left for Celery's messages: draining without them")
            self._carried = False
            self._drain(shard)
            return
        if rung is Ring.RUNG and not self._carried:
            logger.warning("Redis has room again: drains go by Celery")
            self._carried = True
        if rung in (Ring.PAUSED, Ring.HELD):
            self._heads.pop(key, None)
        else:
            self._check_progress(key, head, shard, rung)

    def _check_progress(self, key: str, head: str, shard: int, rung: Ring) -> None:
        """Drain here, and log it, if the shard's oldest entry stays the same: it has work and makes no progress.

        After the first time one unanswered bell is enough, until a drain is seen at work.
        """
        if rung is Ring.UNDER_WAY and head != self._heads.get(key, (head,))[0]:
            self._patience = _STALLED_SECONDS
        known, since = self._heads.get(key, ("", 0.0))
        waited = time.monotonic() - since
        if known == head and waited <= self._patience:
            return
        self._heads[key] = (head, time.monotonic())
        if known == head:
            logger.error(
                "%s makes no progress: entry %s has waited for %.0f s; draining without Celery", key, head, waited
            )
            self._patience = min(self._patience, self._settings.lease_seconds + 1)
            self._drain(shard)


def is_out_of_memory(error: BaseException | None) -> bool:
    """Return whether Redis refused a write because its memory is full. kombu wraps what redis-py raises."""
    while error is not None:
        if isinstance(error, redis.OutOfMemoryError):
            return True
        error = error.__cause__ or error.__context__
    return False
