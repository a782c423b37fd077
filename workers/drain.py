"""A drain: one turn of work on whatever waits to be recorded (docs/architecture.md)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypedDict

import redis

from domain.errors import DatabaseUnavailable
from domain.settings import Settings
from storage.unit_of_work import Storage
from workers.alarms import Alarms, tell_once
from workers.authority import guard_of
from workers.broker import meet_broker
from workers.post import PostOffice
from workers.recorder import Recorded, Recorder, fault
from workers.shards import Shards
from workers.taken import Taken
from workers.tending import tend

logger = logging.getLogger(__name__)

_LONGEST_HOLD_SECONDS: Final = 5.0


class DrainResult(TypedDict, total=False):
    """What a drain did, as Flower shows it."""

    shards: list[int]
    recorded: int
    repeated: int
    dead: int
    seconds: float
    waiting: str


class Drain:
    """Takes, records, delivers and acknowledges, batch by batch; with nothing left it waits for a while, for more.

    A batch holds the entries of as many shards as it takes to fill it: a trickle over all shards is recorded in one
    round trip, and of a backlog each drain takes shards of its own. The shard whose bell `called` goes first.
    """

    def __init__(
        self,
        settings: Settings,
        client: redis.Redis,
        storage: Storage,
        called: int,
        is_stopping: Callable[[], bool] = lambda: False,
        *,
        post: PostOffice | None = None,
        reader: redis.Redis | None = None,
    ) -> None:
        self._settings = settings
        self._client = client
        self._storage = storage
        self._post = post or PostOffice(client, settings, storage)
        self._shards = Shards(client, settings, called, reader)
        self._recorder = Recorder(storage, settings.limits, guard_of(settings), settings.max_entry_bytes)
        self._alarms = Alarms(client, settings, storage)
        self._is_stopping = is_stopping
        self._began = self._worked = time.monotonic()
        self._total = Recorded()
        self._served: set[int] = set()

    def run(self) -> DrainResult:
        """One turn; nothing is acknowledged before it is committed."""
        quietly = False
        try:
            waiting = self._work()
        except (redis.ConnectionError, redis.TimeoutError) as error:
            waiting = f"the broker: {type(error).__name__}"  # the pump says so once, and waits
        except redis.ResponseError as error:
            waiting, quietly = self._refused(error), True
        with suppress(redis.RedisError):
            self._shards.leave(quietly=quietly)
        return self._result(waiting)

    def _work(self) -> str:
        """Batch after batch; why it ended before there was nothing left, or its turn was over."""
        taken: Taken | None = None
        while True:
            taken = taken or self._shards.take()
            if taken.unusable:
                tend(self._client, self._settings)
            if taken.is_work:
                waiting, taken = self._record(taken)
                if waiting:
                    return waiting
            elif taken.idle_after and not self._is_idle_for_long():
                self._shards.wait(taken)
                taken = None
            else:
                return taken.held
            if taken is None and self._is_over():
                return ""

    def _record(self, taken: Taken) -> tuple[str, Taken | None]:
        """Reads, records, delivers and acknowledges a batch; with that it takes the next, unless its turn is over.

        If it cannot be done for now: why. Then nothing is acknowledged.
        """
        try:
            with self._shards.kept(taken):
                if not taken.broker:
                    meet_broker(self._shards, self._storage)
                taken = self._shards.read(taken)
                outcome = self._recorder.record(taken.entries, taken.fuses, taken.sources)
                self._deliver(outcome)
        except DatabaseUnavailable as error:
            return self._hold(taken, str(error), "recording waits for the database, nothing is lost"), None
        except redis.RedisError:
            raise
        except Exception as error:  # of an event's own faults dead letters are made: this is one of the whole batch
            return self._hold(taken, fault(error), "recording waits for a fault of Flowledger to be mended"), None
        more = self._acknowledge(taken, outcome)
        self._total += outcome
        self._served |= taken.fuses.keys()
        self._worked = time.monotonic()
        return "", more

    def _deliver(self, outcome: Recorded) -> None:
        """Puts recorded messages into inboxes. What Redis refuses there holds up no events: it waits in the outbox."""
        try:
            self._post.after(outcome.messages)
        except redis.ResponseError as error:
            tell_once(f"messages wait in the outbox, for Redis refuses them: {error}")

    def _acknowledge(self, taken: Taken, outcome: Recorded) -> Taken | None:
        """Deletes what was recorded and gives the leases back; what it takes with that, unless its turn is over."""
        failures, more = self._shards.done(taken, outcome, again=not self._is_over())
        if failures:
            logger.warning("the database is back, after %d tries", failures)
        for shard, fuse in taken.fuses.items():
            if fuse.blown:
                logger.error("shard %d is paused: %s", shard, fuse.words(shard))
        for aside in taken.sources.blown():
            logger.error("entries of source %s are set aside: %s", ascii(aside.source), aside.why)
        if outcome.dead:
            with suppress(redis.RedisError, DatabaseUnavailable):  # the batch is done; somebody will look again
                self._alarms.look()
        return more

    def _refused(self, error: redis.ResponseError) -> str:
        """Redis refuses something for a reason of its own: no entry is to blame for it, and others go on."""
        why = f"the broker refuses: {error}"
        tell_once(f"recording waits, nothing is lost: {why}")
        with suppress(redis.RedisError):
            tend(self._client, self._settings)
        return why

    def _hold(self, taken: Taken, why: str, words: str) -> str:
        """Keeps all drains away for a while, longer each time, and says so the first time."""
        if self._shards.hold(taken, why, _LONGEST_HOLD_SECONDS) == 1:
            logger.error("%s: %s", words, why)
        return why

    def _is_idle_for_long(self) -> bool:
        return time.monotonic() - self._worked >= self._settings.linger_seconds

    def _is_over(self) -> bool:
        """Other Celery tasks want the process, too, and people see a result when a turn ends."""
        return self._is_stopping() or time.monotonic() - self._began >= self._settings.drain_seconds

    def _result(self, waiting: str) -> DrainResult:
        result = DrainResult(
            shards=sorted(self._served),
            recorded=self._total.recorded,
            repeated=self._total.repeated,
            dead=self._total.dead,
            seconds=round(time.monotonic() - self._began, 3),
        )
        if waiting:
            result["waiting"] = waiting
        return result
