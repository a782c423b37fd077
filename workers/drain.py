"""A drain: records what waits, for one turn (docs/architecture.md)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final

import redis

from flowledger.domain import streams
from flowledger.domain.envelope import Event
from flowledger.domain.errors import BrokerUnsettled, DatabaseUnavailable, ForeignBroker
from flowledger.domain.settings import Settings
from flowledger.storage.unit_of_work import Storage
from flowledger.workers import regular_bells
from flowledger.workers.alarms import Alarms, tell_once
from flowledger.workers.authority import guard_of
from flowledger.workers.bond import Bond
from flowledger.workers.connections import Readers
from flowledger.workers.entries import is_to_many
from flowledger.workers.faults import INTERRUPTIONS, fault
from flowledger.workers.post import PostOffice, moving
from flowledger.workers.recorder import Recorded, Recorder
from flowledger.workers.shards import Shards
from flowledger.workers.taken import Taken
from flowledger.workers.tending import tend
from flowledger.workers.turn import DrainResult, Turn, Turns

logger = logging.getLogger(__name__)

_LONGEST_HOLD_SECONDS: Final = 5.0
_DATABASE_AWAY: Final = "recording waits for the database, nothing is lost"


class Drain:
    """Takes, records, acknowledges and delivers, batch by batch. If nothing is left, it waits a while for more.

    A batch holds entries of as many shards as it takes to fill it. So a few events in each shard are recorded in one
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
        bond: Bond | None = None,
        readers: Readers | None = None,
        turn: Turn | None = None,
    ) -> None:
        self._settings = settings
        self._client = client
        self._storage = storage
        self._post = post or PostOffice(client, settings, storage)
        self._bond = bond or Bond(client, settings, storage)
        self._shards = Shards(client, settings, called, readers)
        self._recorder = Recorder(storage, settings.limits, guard_of(settings), settings.max_entry_bytes)
        self._alarms = Alarms(client, settings, storage)
        self._is_stopping = is_stopping
        self._turn = turn or Turns(storage).begin()
        self._worked = time.monotonic()

    def run(self) -> DrainResult:
        """Do one turn. Nothing is acknowledged before it is committed."""
        quietly = False
        try:
            waiting = self._work()
        except (ForeignBroker, BrokerUnsettled) as error:
            self._bond.tell(error)
            return self._turn.end(str(error))
        except (redis.ConnectionError, redis.TimeoutError) as error:
            waiting = f"the broker: {type(error).__name__}"  # the pump reports it once, and waits
        except redis.ResponseError as error:
            waiting, quietly = self._refused(error), True
        with suppress(redis.RedisError):
            self._shards.leave(quietly=quietly)
        return self._turn.end(waiting)

    def _work(self) -> str:
        """Record batch after batch. Return why it stopped early; empty if nothing is left or the turn is over."""
        taken: Taken | None = None
        while True:
            if taken is None or taken.broker != self._bond.text:
                try:
                    taken = self._take()
                except DatabaseUnavailable as error:
                    return self._hold({}, str(error), _DATABASE_AWAY)
            if taken.unusable:
                tend(self._client, self._settings)
            if taken.is_work:
                waiting, taken = self._record(taken)
                if waiting:
                    return waiting
            elif taken.idle_after and not self._is_idle_for_long() and not self._others_wait():
                self._shards.wait(taken)
                taken = None
            else:
                return taken.held
            if taken is None and self._is_over():
                return ""

    def _take(self) -> Taken:
        """Take entries, from the ledger's own broker alone. Raises as `Bond.meet` does."""
        while True:
            if self._bond.text:
                self._shards.broker = self._bond.text
                taken = self._shards.take()
                if taken.broker == self._bond.text:
                    return taken
            self._bond.meet()

    def _record(self, taken: Taken) -> tuple[str, Taken | None]:
        """Record a batch. Shards with a message to many recipients come last, apart from the others.

        Measured: to record a broadcast to 10,000 took 0.9 s on two cores with other work; no other shard waits for
        that. Messages are delivered at the end, when no lease is held.
        """
        many, few = taken.split(lambda entry: is_to_many(entry.fields))
        parts = [few, many] if many.entries and few.entries else [taken]
        mail: list[Event] = []
        waiting, more = "", None
        for part in parts:
            if not waiting:
                waiting, more = self._record_part(part, mail, again=part is parts[-1])
        if mail:
            self._with_post(self._post.deliver, mail)
        return waiting, more

    def _record_part(self, taken: Taken, mail: list[Event], *, again: bool) -> tuple[str, Taken | None]:
        """Read, record and acknowledge entries, and take the next ones, unless the turn is over or there is mail.

        Return why it cannot be done for now, or '', and what was taken. If it cannot be done, nothing is acknowledged.
        Events with something to deliver are added to `mail`.
        """
        try:
            with self._shards.kept(taken):
                taken = self._shards.read(taken)
                outcome = self._recorder.record(taken.entries, taken.fuses, taken.sources)
                if _came_again(taken, outcome):
                    self._bond.database_went_back()
                    self._shards.broker = self._bond.text
                moved = moving(outcome.messages)
                self._with_post(self._post.settle, moved)
        except DatabaseUnavailable as error:
            return self._hold(taken.fuses, str(error), _DATABASE_AWAY), None
        except (redis.RedisError, ForeignBroker, BrokerUnsettled):
            raise
        except INTERRUPTIONS as error:
            self._shards.abandon(taken)
            return f"a drain was interrupted: {fault(error)}", None
        except Exception as error:  # an event's own fault makes a dead letter: this one concerns the whole batch
            return self._hold(taken.fuses, fault(error), "recording waits for a fault of Flowledger to be mended"), None
        self._turn.add(taken.fuses, outcome)
        mail += moved
        more = self._acknowledge(taken, outcome, again=again and not mail and not self._is_over())
        self._worked = time.monotonic()
        return "", more

    def _acknowledge(self, taken: Taken, outcome: Recorded, *, again: bool) -> Taken | None:
        """Delete what was recorded and release the leases. Return what was taken with that, if `again`."""
        failures, more = self._shards.done(taken, outcome, again=again)
        if failures:
            logger.warning("the database is back, after %d %s", failures, "try" if failures == 1 else "tries")
        for shard, fuse in taken.fuses.items():
            if fuse.blown:
                logger.error("shard %d is paused: %s", shard, fuse.words(shard), extra={"shard": shard})
        for aside in taken.sources.blown():
            words = "entries of source %s are set aside: %s"
            logger.error(words, ascii(aside.source), aside.why, extra={"source": aside.source})
        if outcome.dead:
            with suppress(redis.RedisError, DatabaseUnavailable):  # the batch is done; the next one checks again
                self._alarms.look()
        return more

    def _with_post(self, step: Callable[[Sequence[Event]], object], mail: Sequence[Event]) -> None:
        """Do a step of delivery. If it fails, recording goes on, and the postman finds what was not delivered."""
        try:
            step(mail)
        except redis.ResponseError as error:
            tell_once(f"messages wait in the outbox, because Redis refuses them: {error}")
        except (redis.RedisError, DatabaseUnavailable, *INTERRUPTIONS):
            raise
        except Exception as error:
            tell_once(f"messages wait in the outbox because of a fault of Flowledger: {fault(error)}")

    def _refused(self, error: redis.ResponseError) -> str:
        """Report that Redis refuses something. No entry is at fault, and other drains go on. Return why."""
        why = f"the broker refuses: {error}"
        tell_once(f"recording waits, nothing is lost: {why}")
        with suppress(redis.RedisError):
            tend(self._client, self._settings)
        return why

    def _hold(self, leased: Iterable[int], why: str, words: str) -> str:
        """Hold all drains for a while, longer each time, and log it the first time. Return `why`."""
        if self._shards.hold(leased, why, _LONGEST_HOLD_SECONDS) == 1:
            logger.error("%s: %s", words, why)
        return why

    def _others_wait(self) -> bool:
        """Return whether the postman or a service was called and finds no process free."""
        others = any(bell.is_overdue(self._client) for bell in regular_bells.ALL)
        return others or self._post.waits_for_a_process()

    def _is_idle_for_long(self) -> bool:
        return time.monotonic() - self._worked >= self._settings.linger_seconds

    def _is_over(self) -> bool:
        """Whether the turn is over: other Celery tasks need the process, and its result shows in Flower."""
        return self._is_stopping() or self._turn.seconds >= self._settings.drain_seconds


def _came_again(taken: Taken, outcome: Recorded) -> bool:
    """Whether the database counts batches again that Redis knows to be recorded: it has gone back."""
    known = taken.batches.items()
    return any(0 < outcome.batches.get(streams.stream(shard), 0) <= number for shard, number in known)
