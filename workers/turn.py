"""What a drain did in one turn, measured: its result for Flower, and its row of the table `drains`."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable
from typing import Final, TypedDict

from flowledger.domain.ids import new_id
from flowledger.domain.measures import Measures
from flowledger.domain.records import DrainRecord
from flowledger.domain.times import now
from flowledger.storage.ledger.drains import DrainRepository
from flowledger.storage.transactions import unhurried
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.alarms import tell_once
from flowledger.workers.recorder import Recorded

_MOST_KEPT: Final = 100
_MOST_NAME: Final = 255
_YEAR: Final = 366 * 86_400.0


class DrainResult(TypedDict, total=False):
    """What a drain did, as Flower shows it."""

    shards: list[int]
    recorded: int
    repeated: int
    dead: int
    seconds: float
    waiting: str


class Turns:
    """The turns of a process's drains. Rows that could not be written wait in its memory for the next turn."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._kept: list[DrainRecord] = []
        self._writing = threading.Lock()

    def begin(self, drain_id: str | None = None, worker: str | None = None) -> Turn:
        """Begin a turn: Celery's id of the task, and the name of its node; without a task both are made."""
        return Turn(self, drain_id or new_id("drain"), worker or f"drain@{socket.gethostname()}")

    def write(self, drain: DrainRecord) -> None:
        """Write the row of a turn that is over, and those that are kept. Whatever happens, recording goes on.

        If more are kept than there is room for, the first ones stay: those of the turns that recorded something before
        the database went away.
        """
        with self._writing:
            waiting = [*self._kept, drain]
            try:
                with unhurried(self._storage) as connection:
                    DrainRepository(connection).add(waiting)
                self._kept = []
            except Exception as error:
                self._kept = waiting[:_MOST_KEPT]
                if len(waiting) > _MOST_KEPT:
                    tell_once(f"the table drains will lack some drains, because it cannot be written: {error}")


class Turn:
    """One turn, from its beginning to its end."""

    def __init__(self, turns: Turns, drain_id: str, worker: str) -> None:
        self._turns = turns
        self._id, self._worker = drain_id[:_MOST_NAME], worker[:_MOST_NAME]
        self._started_at = now()
        self._began = time.monotonic()
        self._shards: set[int] = set()
        self._total = Recorded()
        self._measures = Measures()

    @property
    def seconds(self) -> float:
        """How long it has taken until now."""
        return time.monotonic() - self._began

    def add(self, shards: Iterable[int], outcome: Recorded) -> None:
        """Count a batch that was just committed. Measured: 0.3 µs an entry."""
        committed_at = time.time()
        self._shards.update(shards)
        self._total += outcome
        self._measures.batch_entries.add([len(outcome.entries)])
        self._measures.commit_seconds.add([outcome.commit_seconds])
        ages = [committed_at - int(entry.id.partition("-")[0]) / 1000 for entry in outcome.entries]
        if ages and max(ages) > _YEAR:  # then a producer chose the id
            ages = [age for age in ages if age <= _YEAR]
        self._measures.latency_seconds.add(ages)

    def end(self, why: str) -> DrainResult:
        """End the turn. Return its result; `why` says why it waited or stopped early, or is empty."""
        result = self._result(why)
        if why or self._total != Recorded():
            self._turns.write(self._record(why))
        return result

    def _result(self, why: str) -> DrainResult:
        result = DrainResult(
            shards=sorted(self._shards),
            recorded=self._total.recorded,
            repeated=self._total.repeated,
            dead=self._total.dead,
            seconds=round(self.seconds, 3),
        )
        if why:
            result["waiting"] = why
        return result

    def _record(self, why: str) -> DrainRecord:
        return DrainRecord(
            id=self._id,
            worker=self._worker,
            started_at=self._started_at,
            ended_at=now(),
            shards=sorted(self._shards),
            recorded=self._total.recorded,
            repeated=self._total.repeated,
            dead=self._total.dead,
            why=why or None,
            measures=self._measures.to_json(),
        )
