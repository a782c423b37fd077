"""Row 7: the broker's memory full, its disk full, PostgreSQL's disk full: clear refusals, and nothing lost."""

from __future__ import annotations

import signal
import time
from typing import Any, Final

from tests.faults.accepted import Accepted
from tests.faults.disks import cannot_mount, filled
from tests.faults.servers import Plan, signal_tree
from tests.faults.trial import Dose, Row, Trial

_ROOM: Final = 3 * 2**20
"""Bytes until the memory is full."""


def run(trial: Trial) -> None:
    """The memory, and where there are small disks, the disks."""
    with trial.same_workers():
        for _ in range(trial.dose.faults):
            memory_full(trial)
            if trial.world.plan.small_disks:
                broker_disk_full(trial)
                database_disk_full(trial)
    trial.judge()
    errors = Accepted.read(trial.accepted_folder).errors
    full = sum(count for words, count in errors.items() if words.startswith("BrokerFull: "))
    assert full, f"no publisher was told that the broker is full: {dict(errors)}"
    trial.note(f"publishers were refused {full} times because the broker was full")


def memory_full(trial: Trial) -> None:
    """Workers are held until nothing more is accepted; then they go on, and make room, while it is still full."""
    redis: Any = trial.world.redis
    with trial.load(rate=5000):
        for pid in trial.world.pids():
            signal_tree(pid, signal.SIGSTOP)
        trial.tell("filling the broker's memory")
        redis.config_set("maxmemory", redis.info("memory")["used_memory"] + _ROOM)
        _wait_until_refused(trial, "BrokerFull")
        trial.outcome.faults += 1
        for pid in trial.world.pids():
            signal_tree(pid, signal.SIGCONT)
        trial.tell("full; the workers go on")
        trial.recover()
    trial.drain()
    redis.config_set("maxmemory", 0)


def broker_disk_full(trial: Trial) -> None:
    """Not a byte more on the broker's disk: it stops rather than confirm what it cannot keep; it is started again."""
    with trial.load():
        with filled(trial.world.broker.folder.parent):
            trial.tell("the broker's disk is full")
            _wait_until_refused(trial, "BrokerUnavailable")
            time.sleep(trial.dose.outage)
            trial.outcome.faults += 1
        trial.world.broker.kill()
        trial.world.broker.start()
        trial.recover()


def database_disk_full(trial: Trial) -> None:
    """Not a byte more on PostgreSQL's disk: it ends, or refuses; nothing is acknowledged until it is there again."""
    world = trial.world
    with trial.load():
        with filled(world.postgres.folder.parent):
            trial.tell("PostgreSQL's disk is full")
            trial.wait(lambda: "waits for the database" in world.worker_logs(), "a worker that waits for the database")
            time.sleep(trial.dose.outage)
            trial.outcome.faults += 1
        world.start_postgres()
        trial.recover()


def _wait_until_refused(trial: Trial, kind: str) -> None:
    def refusals() -> int:
        errors = Accepted.read(trial.accepted_folder).errors
        return sum(count for words, count in errors.items() if words.startswith(kind))

    before = refusals()
    trial.wait(lambda: refusals() > before, f"a refusal of the full broker ({kind})")


ROW: Final = Row(
    number=7,
    title="broker's memory full; its disk full; PostgreSQL's disk full",
    run=run,
    sample=Dose(faults=1, rate=250),
    long=Dose(faults=3),
    plan=Plan(small_disks=not cannot_mount()),
)
