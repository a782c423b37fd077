"""The pump: rings a drain for each shard that has entries and no drain (DESIGN, point 2).

It is level-triggered: recorded entries are deleted, so a stream that has entries has work. Redis wakes the pump when an
entry comes to a shard that it watches, or when a drain leaves a shard; and once in a while it looks at all of them. A
shard with a drain under way is not watched, for that drain looks again after it has given up its lease.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import redis
from celery import bootsteps

from domain import streams
from domain.settings import Settings
from workers.connections import connect, text

logger = logging.getLogger(__name__)

_STALLED_SECONDS: Final = 30.0
_RETRY_SECONDS: Final = 1.0

# One round trip: each write to the broker waits for its disk.
_RING: Final = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
if redis.call('SET', KEYS[2], 'rung', 'NX', 'PX', ARGV[1]) then return 1 end
return 0
"""


class Bell:
    """Sends a drain to a shard, unless one is under way or on its way."""

    def __init__(self, client: redis.Redis, settings: Settings, send: Callable[[int], None]) -> None:
        self._client = client
        self._milliseconds = int(settings.lease_seconds * 1000)
        self._send = send

    def ring(self, shard: int) -> bool:
        """Whether a drain was sent. A bell that got lost rings again when its key has run out."""
        rung = self._client.eval(_RING, 2, streams.lease(shard), streams.bell(shard), str(self._milliseconds))
        if rung:
            self._send(shard)
        return bool(rung)


class Pump:
    """Watches all shards and rings their bells, in a thread of its own."""

    def __init__(self, settings: Settings, send: Callable[[int], None]) -> None:
        self._settings = settings
        self._client = connect(settings, socket_timeout=settings.poll_seconds + 10)
        self._bell = Bell(self._client, settings, send)
        self._shards = {streams.stream(shard): shard for shard in range(settings.shards)}
        self._watched = set(self._shards)
        self._looked_at = 0.0
        self._idle_after = "$"
        self._heads: dict[str, tuple[str, float]] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pump", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def ask_to_stop(self) -> None:
        self._stopping.set()

    def stop(self) -> None:
        """Ends the thread, which may take the rest of a poll's time."""
        self.ask_to_stop()
        self._thread.join(self._settings.poll_seconds + 5)

    def _run(self) -> None:
        away = False
        while not self._stopping.is_set():
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
                self._stopping.wait(_RETRY_SECONDS)

    def _turn(self) -> None:
        """Waits for something to do, a poll's time at most, and does it."""
        if time.monotonic() - self._looked_at >= self._settings.poll_seconds:
            self._watched = set(self._shards)
            self._looked_at = time.monotonic()
        for key, entries in self._wait():
            if key == streams.IDLE:
                self._idle_after = entries[-1][0].decode()
                self._watched |= {streams.stream(int(fields[1])) for _, fields in entries} & self._shards.keys()
            else:
                self._watched.discard(key)
                self._check_progress(key, entries[0][0].decode())
                self._bell.ring(self._shards[key])

    def _wait(self) -> list[tuple[str, Any]]:
        """The streams that have entries: of shards, the oldest one; of the idle stream, those not seen yet."""
        if self._idle_after == "$":
            newest: Any = self._client.xrevrange(streams.IDLE, count=1)
            self._idle_after = text(newest[0][0]) if newest else "0-0"
            self._watched = set(self._shards)
        left = self._settings.poll_seconds - (time.monotonic() - self._looked_at)
        watched = sorted(self._watched)
        reply = self._client.execute_command(
            "XREAD", "COUNT", 1, "BLOCK", max(1, int(left * 1000)),
            "STREAMS", streams.IDLE, *watched, self._idle_after, *("0" for _ in watched),
        )  # fmt: skip
        return [(key.decode(), entries) for key, entries in reply or ()]

    def _check_progress(self, key: str, head: str) -> None:
        """A shard whose oldest entry stays the same has work and makes no progress: say so, once."""
        known, since = self._heads.get(key, ("", 0.0))
        if known != head:
            self._heads[key] = (head, time.monotonic())
        elif time.monotonic() - since > _STALLED_SECONDS:
            logger.error("%s makes no progress: entry %s has waited for %.0f s", key, head, time.monotonic() - since)
            self._heads[key] = (head, time.monotonic())


class PumpStep(bootsteps.StartStopStep):  # type: ignore[misc]
    """Runs a pump in every worker, for as long as its pool runs."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._pump: Pump | None = None

    def start(self, worker: Any) -> None:
        app = worker.app
        self._pump = Pump(Settings.load(), lambda shard: send_drain(app, shard))
        self._pump.start()

    def stop(self, _worker: Any) -> None:
        if self._pump is not None:
            self._pump.stop()
            self._pump = None

    terminate = stop


def send_drain(app: Any, shard: int) -> None:
    """One bell for one shard, on its way to any worker."""
    app.send_task("ledger.drain", args=[shard], ignore_result=True, retry=False)
