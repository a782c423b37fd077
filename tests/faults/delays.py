"""How long events of a steady load wait to be recorded: alone, and beside something else, in pairs in one run."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Final

from flowledger.cli import processes
from flowledger.cli.processes import Process
from tests.faults.report import percentile
from tests.faults.servers import stopped
from tests.faults.trial import Trial

_PATIENCE_SECONDS: Final = 90.0
_SAMPLE_SECONDS: Final = 20.0
"""How long the last events are waited for; then they count as late by that."""
_START_SECONDS: Final = 60.0
_HELD_AT_MOST: Final = 3.0
"""Bounds of samples are wider than what the control needs to show."""


@dataclass(frozen=True)
class Paired:
    """p99 of the delays in seconds, the median of all turns: without something, and with it."""

    without: float
    beside: float

    @property
    def later(self) -> float:
        return self.beside - self.without

    def __str__(self) -> str:
        return f"{self.without * 1000:.0f} ms without, {self.beside * 1000:.0f} ms beside it"


Beside = Callable[[int, float], None]
"""What is done beside events: in this turn, for so many seconds."""


def in_pairs(trial: Trial, events: int, beside: Beside, without: Beside = lambda _turn, _seconds: None) -> Paired:
    """Measure `events` events beside `without`, then beside `beside`, as often as the dose says."""
    first, second = [], []
    seconds = events / trial.dose.rate
    for turn in range(trial.dose.faults):
        trial.tell(f"turn {turn + 1} of {trial.dose.faults}: {events:,} events without it")
        first.append(percentile(measure(trial, events, partial(without, turn, seconds)), 0.99))
        trial.tell(f"turn {turn + 1} of {trial.dose.faults}: the same beside it")
        second.append(percentile(measure(trial, events, partial(beside, turn, seconds)), 0.99))
    return Paired(median(first), median(second))


def measure(trial: Trial, events: int, beside: Callable[[], None] = lambda: None) -> list[float]:
    """The delays of `events` events at the dose's rate; `beside` is called when they begin."""
    name = trial.name("timed")
    delays = trial.accepted_folder / f"{name}.delays"
    log = trial.accepted_folder / f"{name}.log"
    command = [sys.executable, "-m", "tests.faults.measured", "--log", str(log), "--delays", str(delays)]
    command += ["--name", name, "--seed", str(trial.seed), "--rate", str(trial.dose.rate), "--count", str(events)]
    patience = _SAMPLE_SECONDS if trial.dose.few else _PATIENCE_SECONDS
    command += ["--patience", str(patience)]
    output = trial.world.folder / "logs" / f"{name}.log"
    producer = Process(name, command, processes.environment(trial.world.direct), output)
    producer.start()
    trial.world.keep(producer)
    trial.wait(lambda: log.exists() and log.stat().st_size, "the first event that is timed", _START_SECONDS)
    try:
        beside()
    finally:
        producer.wait(events / trial.dose.rate + 2 * patience + _START_SECONDS)
    assert delays.exists(), output.read_text(errors="replace")[-500:]
    found = [float(line.split()[0]) for line in delays.read_text(encoding="utf-8").splitlines()]
    assert len(found) == events, f"{len(found)} of {events} events were timed"
    return found


def show_that_it_can_fail(trial: Trial, bound: float) -> None:
    """The control: all workers are held for longer than the bound, and the delays must show it."""
    bound = min(bound, _HELD_AT_MOST)

    def hold() -> None:
        with contextlib.ExitStack() as stack:
            for pid in trial.world.pids():
                stack.enter_context(stopped(pid))
            time.sleep(1.2 * bound)

    delays = measure(trial, round(trial.dose.rate), hold)
    late = percentile(delays, 0.99)
    trial.control(f"workers held for {1.2 * bound:.1f} s: p99 {late:.1f} s", late > bound)
