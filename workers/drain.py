"""A drain: one turn of work on one shard (DESIGN, The way of one event)."""

from __future__ import annotations

import logging
import time
from typing import Final, TypedDict

import redis

from domain import streams
from domain.errors import DatabaseUnavailable
from domain.settings import Settings
from storage.unit_of_work import Storage
from workers.lease import Lease
from workers.recorder import Recorded, Recorder
from workers.shard import ShardStream

logger = logging.getLogger(__name__)

_IDLE_KEPT: Final = 64
_TRICKLE_SECONDS: Final = 0.05
_LONGEST_WAIT_SECONDS: Final = 10.0


class DrainResult(TypedDict, total=False):
    """What a drain did, as Flower shows it."""

    shard: int
    recorded: int
    repeated: int
    dead: int
    seconds: float
    busy: bool
    waiting: str


class Drain:
    """Records what a shard has, batch by batch, until it is empty or the turn is over."""

    def __init__(self, settings: Settings, client: redis.Redis, storage: Storage, shard: int) -> None:
        self._settings = settings
        self._client = client
        self._shard = shard
        self._stream = ShardStream(client, shard, settings.batch_entries)
        self._recorder = Recorder(storage, shard, settings.limits)
        self._began = time.monotonic()

    def run(self) -> DrainResult:
        """One turn; nothing is acknowledged before it is committed."""
        total = Recorded()
        try:
            while True:
                lease = Lease(self._client, self._shard, self._settings.lease_seconds)
                if not lease.take():
                    return {"shard": self._shard, "busy": True}
                with lease:
                    total += self._record_all(lease)
                # An entry that came while the lease was held rang no bell: look again, now that it is given up.
                if self._is_over() or self._stream.is_empty():
                    break
        except DatabaseUnavailable as error:
            return self._wait(str(error))
        self._tell_idle()
        seconds = round(time.monotonic() - self._began, 3)
        return {
            "shard": self._shard,
            "recorded": total.recorded,
            "repeated": total.repeated,
            "dead": total.dead,
            "seconds": seconds,
        }

    def _record_all(self, lease: Lease) -> Recorded:
        total = Recorded()
        while entries := self._stream.read():
            outcome = self._recorder.record(entries)
            self._stream.acknowledge(entries, outcome)
            total += outcome
            if self._is_over() or not lease.renew():
                break
        self._tell_recovered()
        return total

    def _is_over(self) -> bool:
        """A backlog may take the whole turn; a trickle only a little of it, for other shards wait for this process."""
        turn = self._settings.drain_seconds
        if self._stream.caught_up:
            turn = min(turn, _TRICKLE_SECONDS)
        return time.monotonic() - self._began >= turn

    def _tell_idle(self) -> None:
        """Wakes the pumps: whatever this shard still has, or gets from now on, needs a drain of its own."""
        self._client.xadd(streams.IDLE, {"shard": str(self._shard)}, maxlen=_IDLE_KEPT, approximate=True)

    def _wait(self, why: str) -> DrainResult:
        """Leaves everything pending, and holds the shard's bell for a while, longer each time."""
        failures = int(self._client.incr(streams.failures(self._shard)))
        seconds = min(0.5 * 2 ** min(failures, 10), _LONGEST_WAIT_SECONDS)
        self._client.set(streams.bell(self._shard), "waiting", px=int(seconds * 1000))
        if failures == 1:
            logger.warning("shard %d waits for the database, nothing is lost: %s", self._shard, why)
        return {"shard": self._shard, "waiting": why}

    def _tell_recovered(self) -> None:
        failures = self._client.getdel(streams.failures(self._shard))
        if failures:
            logger.warning("shard %d records again, after %d tries", self._shard, int(failures))
