"""One trial: executions are recorded; in the middle some are erased; then everything is searched for them."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import redis

from flowledger.domain.settings import Settings
from flowledger.services.erasing.eraser import Eraser
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.post import PostOffice
from flowledger.workers.verify import verify
from tests.services.erasing.canaries import CANARY, found_in_redis, found_in_tables, run
from tests.storage.recording import count, record

KEPT: Final = "keptqzx"
"""What stands where nothing is erased."""
_BATCH: Final = 200
_TOLD: Final = 20
"""So many times it says how many are recorded."""

Tell = Callable[[str], None]


@dataclass
class Found:
    """What a trial found; all of it must be as `is_well` says."""

    events: int = 0
    recorded: int = 0
    dead: int = 0
    names: int = 0
    left: list[str] = field(default_factory=list)
    """Tables and keys that hold something of what was erased."""
    differences: int = 0
    executions: int = 0
    """How many are left."""
    recording_seconds: float = 0.0
    erasing_seconds: float = 0.0
    longest_batch_seconds: float = 0.0
    longest_batch_seconds_before: float = 0.0

    @property
    def is_well(self) -> bool:
        complete = self.recorded == self.names == self.events
        return complete and not (self.dead or self.left or self.differences)


def trial(
    settings: Settings,
    storage: Storage,
    client: redis.Redis,
    *,
    executions: int,
    erased: int,
    tell: Tell = lambda _words: None,
) -> Found:
    """Record so many executions, with two tasks and two messages each, and erase some when half is recorded.

    A few events of each one that is erased come late, whatever they are. `tell` hears how far it is.
    """
    names = [f"{number:06}" for number in range(executions)]
    gone = random.Random(1).sample(names, erased)
    ids = [f"exec_{name}" for name in gone]
    chosen = set(gone)
    found = Found()
    half, late = threading.Event(), random.Random(2)

    def recording() -> None:
        waiting: list[bytes] = []
        began = time.monotonic()
        for begin in range(0, executions, 10):
            events = [one for name in names[begin : begin + 10] for one in run(name, _said(name, chosen))]
            late.shuffle(events)
            later = len(events) // 10
            _record(storage, [*events[later:], *waiting[: later // 2]], found, is_erasing=half.is_set())
            waiting = [*waiting[later // 2 :], *events[:later]]
            if begin % (executions // _TOLD or 1) == 0:
                tell(f"{begin:,} of {executions:,} executions are recorded")
            if begin >= executions // 2:
                half.set()
        _record(storage, waiting, found, is_erasing=True)
        found.recording_seconds = time.monotonic() - began

    recorder = threading.Thread(target=recording)
    recorder.start()
    half.wait()
    office = PostOffice(client, settings, storage)
    _deliver(office)
    eraser = Eraser(settings, storage, client)
    began = time.monotonic()
    known = [id_ for id_, name in zip(ids, gone, strict=True) if name < names[executions // 2 - 20]]
    eraser.begin(known, why="a trial", by="tests")
    eraser.go_on()
    found.erasing_seconds = time.monotonic() - began
    tell(f"{len(known):,} are erased; the recorder goes on")
    recorder.join()
    eraser.begin(ids, why="a trial", by="tests")
    eraser.go_on()
    _deliver(office)
    tell("all is recorded and erased; everything is searched")
    found.names = count(storage, "events")
    found.executions = count(storage, "executions")
    found.left = [*found_in_tables(storage), *found_in_redis(client)]
    found.differences = verify(storage).differences
    return found


def _deliver(office: PostOffice) -> None:
    for _ in office.walk():
        pass


def _said(name: str, gone: set[str]) -> str:
    return CANARY if name in gone else KEPT


def _record(storage: Storage, events: list[bytes], found: Found, *, is_erasing: bool) -> None:
    for begin in range(0, len(events), _BATCH):
        some = events[begin : begin + _BATCH]
        began = time.monotonic()
        outcome = record(storage, *some, start=found.events + 1)
        took = time.monotonic() - began
        found.events += len(some)
        found.recorded += outcome.recorded
        found.dead += outcome.dead
        if is_erasing:
            found.longest_batch_seconds = max(found.longest_batch_seconds, took)
        else:
            found.longest_batch_seconds_before = max(found.longest_batch_seconds_before, took)
