"""A trial: one row of the fault plan on one world, with load, faults that are counted, recoveries that are timed."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

import redis
from sqlalchemy.exc import SQLAlchemyError

from flowledger.workers.asides import Asides
from tests.faults.accepted import Accepted, count_accepted
from tests.faults.judge import Others, Verdict, judge
from tests.faults.servers import Plan
from tests.faults.world import World
from tests.waiting import Answer, wait_until

DRAIN_SECONDS: Final = 120.0
"""I4: within so long after the last fault, nothing is left to record."""
_WATCH_SECONDS: Final = 0.02
_RECOVERY_SECONDS: Final = 120.0
_TOLD: Final = 200
"""Characters of a log, where it is told."""

Mark = tuple[float, list[tuple[int, int]]]


@dataclass(frozen=True)
class Dose:
    """How much of a row is tried: as a sample in `make test`, or at length in `make faults`."""

    faults: int
    """How often each of the row's faults is done."""
    rate: float = 600.0
    """Events a second, of each of two producers."""
    pause: float = 0.5
    """Seconds between two faults, on the average."""
    outage: float = 2.0
    """Seconds that something stays away, where it stays away."""
    few: bool = False
    """Whether to try only the quickest of the row's faults."""
    events: int = 0
    """Events at the least, where the row is to go on until there are so many."""
    odd: int = 0
    """Odd entries among them."""
    megabytes: int = 0
    """The size of the largest entry, in MiB."""
    later: float = 0.5
    """I6: so many seconds later than without a fault others may be recorded, at p99."""


@dataclass(frozen=True)
class Row:
    """A row of the fault plan: what it does, and in which doses."""

    number: int
    title: str
    run: Callable[[Trial], None]
    sample: Dose | None
    """None where it takes root, or too long."""
    long: Dose
    plan: Plan = field(default_factory=Plan)
    skip: Callable[[], str] = lambda: ""
    """Why it cannot be tried here; empty where it can."""
    starts_workers: bool = True
    lost_is_right: bool = False


@dataclass
class Outcome:
    """What a trial showed."""

    number: int
    title: str
    lost_is_right: bool
    """Whether the row is the control, which must lose."""
    faults: int = 0
    recoveries: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    verdict: Verdict = field(default_factory=Verdict)
    repeated: int = 0
    """Entries that were recorded before, and absorbed."""
    seconds: float = 0.0
    skipped: str = ""
    failed: str = ""
    kills: int = 0
    """How many of the faults were a kill -9 of the service's processes."""

    @classmethod
    def of(cls, row: Row) -> Outcome:
        return cls(row.number, row.title, row.lost_is_right)

    @property
    def result(self) -> str:
        """In one line."""
        if self.skipped:
            return f"skipped: {self.skipped}"
        if self.failed:
            return f"failed: {' '.join(self.failed.split())[:300].replace('|', '/')}"
        return "loses, as it must" if self.lost_is_right else "held"


class Trial:
    """What a row does its faults with."""

    def __init__(self, world: World, dose: Dose, outcome: Outcome, seed: int, tell: Callable[[str], None]) -> None:
        self.world = world
        self.dose = dose
        self.outcome = outcome
        self.seed = seed
        self.random = Random(seed)
        self.tell = tell
        self.accepted_folder = world.new_run()
        self.refused: list[bytes] = []
        """Bodies that were sent and must become dead letters."""
        self.others = Others()
        """What the row judges by itself."""
        self._numbers = itertools.count(1)

    # --- load

    @contextlib.contextmanager
    def load(self, producers: int = 2, **options: float | int | Path) -> Iterator[None]:
        """Producers publish; at the end they are asked to stop."""
        before = self.accepted()
        for _ in range(producers):
            self.world.start_producer(
                self.accepted_folder, None, **{"seed": self.seed, "rate": self.dose.rate} | options
            )
        self.wait(lambda: self.accepted() > before, "the first accepted event")
        try:
            yield
        finally:
            self.world.stop_producers()

    def accepted(self) -> int:
        return count_accepted(self.accepted_folder)

    def pause(self) -> None:
        """A random time, of the dose's length on the average."""
        time.sleep(self.random.uniform(0.2, 1.8) * self.dose.pause)

    # --- faults

    @contextlib.contextmanager
    def fault(self, what: str) -> Iterator[None]:
        """A fault that begins and ends; the recovery is timed from its end."""
        self.tell(what)
        self.outcome.faults += 1
        yield
        self.recover()

    def recover(self, seconds: float = _RECOVERY_SECONDS) -> None:
        """Waits until all that was accepted by now is recorded, and notes how long it took."""
        began = time.monotonic()
        self.until_recorded(seconds)
        self.outcome.recoveries.append(time.monotonic() - began)

    def until_recorded(self, seconds: float = _RECOVERY_SECONDS) -> None:
        """Waits until all that was accepted by now is recorded."""
        _, newest = self.mark()
        self.wait(lambda: self._is_past(newest), "recovery", seconds)

    def mark(self) -> Mark:
        """This moment, and what stands at the end of each shard."""
        began = time.monotonic()
        return began, self.wait(self.world.newest, "an answer of the broker")

    @contextlib.contextmanager
    def watching(self, recoveries: list[float]) -> Iterator[Callable[[], None]]:
        """For faults that follow each other faster than the recovery: call what this gives at each of them."""
        marks: list[Mark] = []
        ending = threading.Event()

        def watch() -> None:
            while marks or not ending.is_set():
                oldest = self.wait(self.world.oldest, "an answer of the broker")
                now = time.monotonic()
                for mark in [mark for mark in marks if _are_past(oldest, mark[1])]:
                    marks.remove(mark)
                    recoveries.append(now - mark[0])
                time.sleep(_WATCH_SECONDS)

        watcher = threading.Thread(target=watch, name="recoveries", daemon=True)
        watcher.start()
        try:
            yield lambda: marks.append(self.mark())
        finally:
            ending.set()
            watcher.join(_RECOVERY_SECONDS)

    def wait(self, condition: Callable[[], Answer], what: str, seconds: float = 60.0) -> Answer:
        """As `wait_until`; a broker or a database that is away is no answer."""

        def answer() -> Answer | None:
            try:
                return condition()
            except (redis.RedisError, SQLAlchemyError, OSError):
                return None

        found = wait_until(answer, seconds, f"{what} (seed {self.seed})")
        assert found is not None
        return found

    def _is_past(self, newest: list[tuple[int, int]]) -> bool:
        return _are_past(self.world.oldest(), newest)

    # --- the end

    @contextlib.contextmanager
    def same_workers(self) -> Iterator[None]:
        """Whatever happens in the meantime, no worker ends: nothing has to start it again."""
        workers = list(self.world.workers)
        try:
            yield
        finally:
            ended = [worker for worker in workers if not worker.is_running()]
            logs = "".join(worker.log.read_text(errors="replace").strip()[-_TOLD:] for worker in ended)
            assert not ended, f"{len(ended)} of {len(workers)} workers ended by themselves: {logs}"

    def shortcoming(self, words: str) -> None:
        """Something that must hold and does not; the row goes on, and has failed."""
        self.outcome.failed = f"{self.outcome.failed} {words}".strip()

    def note(self, words: str) -> None:
        self.outcome.notes.append(words)

    def control(self, words: str, seen: object) -> None:
        """Something that is wrong on purpose: the row must see it, or it proves nothing."""
        assert seen, f"the control was not seen: {words} (seed {self.seed})"
        self.note(f"control: {words}")

    def name(self, of: str) -> str:
        """A name that no other trial in this world has."""
        return f"{of}{self.accepted_folder.name}x{next(self._numbers)}"

    def drain(self, seconds: float = DRAIN_SECONDS) -> None:
        """I4: nothing is left to record, and nothing stays pending: neither an entry nor a message."""
        began = time.monotonic()
        self.wait(self.world.is_drained, f"an empty backlog (I4); {self.world.backlog()} left", seconds)
        self._resume_sources(seconds)
        self.wait(self.world.is_delivered, "an empty outbox (I4)", seconds)
        self.tell(f"drained in {time.monotonic() - began:.1f} s")

    def _resume_sources(self, seconds: float) -> None:
        """What was set aside of a bad producer goes back, again and again, until all of it is recorded or buried."""
        asides = Asides(self.world.redis)
        while waiting := asides.all():
            for one in waiting:
                asides.resume(one.source, self.world.settings.shards)
            self.wait(self.world.is_drained, "an empty backlog (I4) after sources were resumed", seconds)

    def judge(self, *, marks_lost: bool = False) -> None:
        """I1 to I5 over all that stands; `marks_lost`: see `tests.faults.judge`."""
        self.drain()
        self.tell("judging")
        self.outcome.repeated += self.world.counters().get("repeated", 0)
        found = judge(
            self.world.engine,
            Accepted.read(self.accepted_folder),
            self.refused,
            marks_lost=marks_lost,
            others=self.others,
        )
        found.take(self.outcome.verdict)
        self.outcome.verdict = found


def _are_past(oldest: list[tuple[int, int] | None], newest: list[tuple[int, int]]) -> bool:
    return all(first is None or first > last for first, last in zip(oldest, newest, strict=True))
