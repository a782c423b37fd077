"""Row 2: kill -9 of workers, parent and children, at random moments under load."""

from __future__ import annotations

import os
import signal
from typing import Final

from cli.processes import Process
from tests.faults.trial import Dose, Row, Trial
from tests.faults.world import Plan

_WHOLE: Final = 0.08
"""The share of kills that strike a whole worker, parent and children; the others strike one process of its pool."""
_TELL_EVERY: Final = 20


def run(trial: Trial) -> None:
    """Kills until there were enough, of kills and of events."""
    whole = 0
    with trial.load(), trial.watching() as struck:
        while trial.outcome.faults < trial.dose.faults or trial.accepted() < trial.dose.events:
            trial.pause()
            whole += kill_one(trial)
            struck()
            if trial.outcome.faults % _TELL_EVERY == 0:
                trial.tell(f"{trial.outcome.faults} kills, {trial.accepted():,} events accepted")
    trial.note(f"{whole} kills of whole workers, {trial.outcome.faults - whole} of processes of their pools")
    trial.judge()


def kill_one(trial: Trial) -> bool:
    """kill -9 of a pool process, or (True) of a whole worker, which is started again."""
    grown = [worker for worker in trial.world.workers if trial.world.children(worker)]
    worker = trial.random.choice(grown or trial.world.workers)
    trial.outcome.faults += 1
    trial.outcome.kills += 1
    children = trial.world.children(worker)
    if trial.random.random() < _WHOLE or not children:
        kill_whole(worker)
        return True
    os.kill(trial.random.choice(children), signal.SIGKILL)
    return False


def kill_whole(worker: Process) -> None:
    """kill -9 of parent and children; what supervises it starts it again."""
    worker.kill()
    worker.start()


ROW: Final = Row(
    number=2,
    title="kill -9 of workers, parent and children, at random under load",
    run=run,
    sample=Dose(faults=8, rate=250, pause=0.3),
    long=Dose(faults=1000, pause=0.5, rate=700, events=600_000),
    plan=Plan(workers=3, processes=2),
)
