"""A drain: one turn of work on whatever waits to be recorded (docs/architecture.md)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, TypedDict

import redis

from domain.envelope import Event
from domain.errors import DatabaseUnavailable
from domain.settings import Settings
from storage.unit_of_work import Storage
from workers.authority import guard_of
from workers.broker import meet_broker
from workers.entries import is_to_many
from workers.post import PostOffice, moving
from workers.recorder import Recorded, Recorder, fault
from workers.shards import Shards, Taken

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
    """Takes, records, acknowledges and delivers, batch by batch; with nothing left it waits for a while, for more.

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
    ) -> None:
        self._settings = settings
        self._storage = storage
        self._post = post or PostOffice(client, settings, storage)
        self._shards = Shards(client, settings, called)
        self._recorder = Recorder(storage, settings.limits, guard_of(settings))
        self._is_stopping = is_stopping
        self._began = self._worked = time.monotonic()
        self._total = Recorded()
        self._served: set[int] = set()

    def run(self) -> DrainResult:
        """One turn; nothing is acknowledged before it is committed."""
        try:
            waiting = self._work()
            self._shards.leave()
        except (redis.ConnectionError, redis.TimeoutError) as error:
            waiting = f"the broker: {type(error).__name__}"  # the pump says so once, and waits
            with suppress(redis.RedisError):
                self._shards.leave()
        return self._result(waiting)

    def _work(self) -> str:
        """Batch after batch; why it ended before there was nothing left, or its turn was over."""
        taken: Taken | None = None
        while True:
            taken = taken or self._shards.take()
            if taken.entries:
                waiting, taken = self._record(taken)
                if waiting:
                    return waiting
            elif taken.idle_after and not self._is_idle_for_long() and not self._post.waits_for_a_process():
                self._shards.wait(taken)
                taken = None
            else:
                return taken.held
            if taken is None and self._is_over():
                return ""

    def _record(self, taken: Taken) -> tuple[str, Taken | None]:
        """Records a batch; the shards in which a message to many waits come last, apart from the others.

        Measured: to record a broadcast to 10,000 took 0.9 s on two cores with other work; no other
        shard stands for that. Messages are delivered in the end, when no lease is held.
        """
        many, few = taken.split(lambda entry: is_to_many(entry.fields))
        mail: list[Event] = []
        waiting, more = "", None
        for part in (few, many):
            if part.entries and not waiting:
                waiting, more = self._record_part(part, mail, again=part is many or not many.entries)
        if mail:
            self._deliver(mail)
        return waiting, more

    def _record_part(self, taken: Taken, mail: list[Event], *, again: bool) -> tuple[str, Taken | None]:
        """Records and acknowledges entries, and with that takes the next, unless its turn is over or there is mail.

        Where it cannot be done for now: why. Then nothing is acknowledged. What there is to deliver goes to `mail`.
        """
        try:
            with self._shards.kept(taken):
                if not taken.broker:
                    meet_broker(self._shards, self._storage)
                outcome = self._recorder.record(taken.entries, taken.fuses)
                moved = moving(outcome.messages)
                self._post.settle(moved)
        except DatabaseUnavailable as error:
            return self._hold(taken, str(error), "recording waits for the database, nothing is lost"), None
        except redis.RedisError:
            raise
        except Exception as error:  # of an event's own faults dead letters are made: this is one of the whole batch
            return self._hold(taken, fault(error), "recording waits for a fault of Flowledger to be mended"), None
        mail += moved
        again = again and not mail and not self._is_over()
        failures, more = self._shards.done(taken, outcome, again=again)
        if failures:
            logger.warning("the database is back, after %d tries", failures)
        for shard, fuse in taken.fuses.items():
            if fuse.blown:
                logger.error("shard %d is paused: %s", shard, fuse.words(shard))
        self._total += outcome
        self._served |= taken.fuses.keys()
        self._worked = time.monotonic()
        return "", more

    def _deliver(self, mail: Sequence[Event]) -> None:
        """What is recorded and not delivered here is found by the postman: no fault of it holds up recording."""
        try:
            self._post.deliver(mail)
        except (redis.ConnectionError, redis.TimeoutError):
            raise
        except Exception as error:
            logger.error("messages wait for the postman because of a fault of Flowledger: %s", fault(error))  # noqa: TRY400 - it may hold anything

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
