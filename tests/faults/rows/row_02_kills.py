"""Row 2: kill -9 of workers, parent and children, at random moments under load."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import Final

from flowledger.cli.processes import Process
from flowledger.domain.settings import Settings
from tests.faults import usage
from tests.faults.report import percentile
from tests.faults.servers import Plan
from tests.faults.trial import Dose, Row, Trial

_WHOLE: Final = 0.08
"""The share of kills that strike a whole worker, parent and children; the others strike one process of its pool."""
_BUSIEST: Final = 0.3
_START_SECONDS: Final = 4.0
_TELL_EVERY: Final = 20
_ONE_BY_ONE: Final = 20


def run(trial: Trial) -> None:
    """One kill after the other, faster than the recovery; then kills one by one, at the default lease."""
    whole = 0
    under_fire: list[float] = []
    with trial.load():
        with trial.world.supervised() as ends, trial.watching(under_fire) as struck:
            while trial.outcome.faults < trial.dose.faults or trial.accepted() < trial.dose.events:
                trial.pause()
                whole += kill_one(trial)
                struck()
                if trial.outcome.faults % _TELL_EVERY == 0:
                    trial.tell(f"{trial.outcome.faults} kills, {trial.accepted():,} events accepted")
        trial.note(f"{whole} kills of whole workers, {trial.outcome.faults - whole} of processes of their pools")
        trial.note(f"{len(ends)} workers ended when a process of their pool was killed while they started")
        trial.note(f"recovery under continuous kills p50 / p99: {_words(under_fire)}")
        if not trial.dose.few:
            _kill_one_by_one(trial)
    with trial.world.supervised():
        trial.judge()


def _kill_one_by_one(trial: Trial) -> None:
    """Each kill when the one before is recovered from, with settings as they are by default."""
    trial.drain()
    trial.world.kill_workers()
    for _ in range(trial.world.plan.workers):
        trial.world.add_worker(LEDGER_LEASE_SECONDS=str(Settings().lease_seconds))
    trial.world.start_workers()
    with trial.world.supervised():
        for number in range(_ONE_BY_ONE):
            trial.tell(f"kill {number + 1} of {_ONE_BY_ONE}, one by one")
            trial.pause()
            kill_one(trial, busiest=1.0)
            trial.recover()
    trial.note(f"recovery from one kill at the default lease p50 / p99: {_words(trial.outcome.recoveries)}")


def _words(seconds: list[float]) -> str:
    return f"{percentile(seconds, 0.5):.1f} / {percentile(seconds, 0.99):.1f} s"


def kill_one(trial: Trial, busiest: float = _BUSIEST) -> bool:
    """kill -9 of a pool process, or (True) of a whole worker, which is started again.

    `busiest` is the share of kills that strike the pool process that works most; the others strike any.
    """
    pools = trial.wait(lambda: _pools(trial), "a worker that has its pool")
    trial.outcome.faults += 1
    trial.outcome.kills += 1
    worker = trial.random.choice(list(pools))
    if trial.random.random() < _WHOLE:
        kill_whole(trial, worker)
        return True
    victim = trial.random.choice(pools[worker])
    if trial.random.random() < busiest:
        victim = usage.busiest([child for children in pools.values() for child in children]) or victim
    with contextlib.suppress(ProcessLookupError):
        os.kill(victim, signal.SIGKILL)
    return False


def _pools(trial: Trial) -> dict[Process, list[int]]:
    """The pool processes of each worker that is past its start, where Celery gives up when one of them is killed."""
    grown = [worker for worker in trial.world.workers if usage.age(worker.pid) > _START_SECONDS]
    pools = {worker: trial.world.children(worker) for worker in grown}
    return {worker: children for worker, children in pools.items() if children}


def kill_whole(trial: Trial, worker: Process) -> None:
    """kill -9 of parent and children; it is started again."""
    worker.kill()
    trial.world.start_again(worker)


ROW: Final = Row(
    number=2,
    title="kill -9 of workers, parent and children, at random under load",
    run=run,
    sample=Dose(faults=8, rate=250, pause=0.3, few=True),
    long=Dose(faults=1000, pause=0.5, rate=500),
    plan=Plan(workers=3, processes=2),
)
