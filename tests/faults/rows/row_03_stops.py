"""Row 3: processes that stop in the middle, and are killed so, or go on when their lease is long over."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import Final

from flowledger.cli.processes import Process
from tests.faults.rows.row_02_kills import kill_whole
from tests.faults.servers import Plan, stopped
from tests.faults.trial import Dose, Row, Trial


def run(trial: Trial) -> None:
    """Stops and kills, stops and continues, in turns: work is done twice, its effects are not."""
    with trial.load():
        for _ in range(trial.dose.faults):
            stop_and_kill(trial)
            stop_and_continue(trial)
    trial.judge()
    trial.note(f"{trial.outcome.repeated} entries were recorded twice, and took effect once")


def stop_and_kill(trial: Trial) -> None:
    """SIGSTOP of a whole worker, later SIGKILL; it is started again."""
    trial.pause()
    worker = _grown(trial)
    with trial.fault("a worker stopped, then killed"), stopped(worker.pid):
        trial.pause()
        kill_whole(trial, worker)


def stop_and_continue(trial: Trial) -> None:
    """SIGSTOP of a worker's pool for longer than the lease, then SIGCONT."""
    trial.pause()
    children = trial.world.children(_grown(trial))
    with trial.fault("a worker's pool stopped for longer than its lease, then continued"):
        stop_pool(trial, children)


def stop_pool(trial: Trial, children: list[int]) -> None:
    """Stops processes for longer than their leases last."""
    for number, seconds in ((signal.SIGSTOP, 2.5 * trial.world.settings.lease_seconds), (signal.SIGCONT, 0.0)):
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, number)
        time.sleep(seconds)


def _grown(trial: Trial) -> Process:
    trial.world.wait_for_workers()
    return trial.random.choice(trial.world.workers)


ROW: Final = Row(
    number=3,
    title="SIGSTOP then KILL; SIGSTOP longer than the lease, then CONT",
    run=run,
    sample=Dose(faults=1, rate=250, pause=0.2),
    long=Dose(faults=8, pause=0.5),
    plan=Plan(workers=3),
)
