"""Row 4: SIGTERM in a backlog, and a rolling restart of all workers: they end soon, and the work goes on."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from typing import Final

from flowledger.cli.processes import STOP_SECONDS
from tests.faults.report import percentile
from tests.faults.servers import Plan, stopped
from tests.faults.trial import Dose, Row, Trial

_LOOK_SECONDS: Final = 0.1
_LONGEST_GAP: Final = 5.0
"""Seconds without a recorded event, at the most, while there is a backlog and one worker of several restarts."""


def run(trial: Trial) -> None:
    """Restarts the workers one after the other, again and again; the dose's events are those that wait at the most."""
    exits: list[float] = []
    with trial.load(backlog=trial.dose.events), _gaps(trial) as gaps:
        _grow_backlog(trial)
        for _ in range(trial.dose.faults):
            for worker in trial.world.workers[: 1 if trial.dose.few else None]:
                trial.tell(f"SIGTERM for {worker.name}, {trial.world.backlog():,} events wait")
                began = time.monotonic()
                worker.signal(signal.SIGTERM)
                trial.wait(lambda worker=worker: not worker.is_running(), "the end of a worker", STOP_SECONDS)  # type: ignore[misc]
                exits.append(time.monotonic() - began)
                trial.outcome.faults += 1
                worker.start()
                trial.world.wait_for_workers()
    trial.judge()
    trial.note(f"exit after SIGTERM p50 {percentile(exits, 0.5):.1f} s, p99 {percentile(exits, 0.99):.1f} s")
    trial.note(f"longest time without a recorded event, in a backlog: {max(gaps):.1f} s")
    assert max(gaps) < _LONGEST_GAP, f"nothing was recorded for {max(gaps):.1f} s"


def _grow_backlog(trial: Trial) -> None:
    """The workers are held until so much waits."""
    with contextlib.ExitStack() as stack:
        for pid in trial.world.pids():
            stack.enter_context(stopped(pid))
        trial.wait(lambda: trial.world.backlog() > trial.dose.events / 2, "a backlog")


@contextlib.contextmanager
def _gaps(trial: Trial) -> Iterator[list[float]]:
    """Times without progress, while there was something to do."""
    gaps = [0.0]
    ending = threading.Event()

    def watch() -> None:
        known, since = -1, time.monotonic()
        while not ending.wait(_LOOK_SECONDS):
            now = trial.world.counters().get("recorded", 0)
            if now != known or not trial.world.backlog():
                known, since = now, time.monotonic()
            gaps.append(time.monotonic() - since)

    watcher = threading.Thread(target=watch, name="progress", daemon=True)
    watcher.start()
    try:
        yield gaps
    finally:
        ending.set()
        watcher.join()


ROW: Final = Row(
    number=4,
    title="SIGTERM in a backlog; rolling restart of 3 workers",
    run=run,
    sample=Dose(faults=1, rate=500, events=1000, few=True),
    long=Dose(faults=3, rate=2500, events=20_000),
    plan=Plan(workers=3),
)
