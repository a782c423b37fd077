"""Row 5: the broker is killed and started again, or hangs; its disk survives."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable
from typing import Final

from tests.faults.accepted import Accepted
from tests.faults.trial import Dose, Row, Trial


def run(trial: Trial) -> None:
    """Kills it and hangs it, in turns; workers are not started again, and publishers are told what to do."""
    world = trial.world
    with trial.same_workers(), trial.load():
        for _ in range(trial.dose.faults):
            trial.pause()
            with trial.fault("broker killed with -9, and started again"):
                trial.outcome.kills += 1
                world.broker.kill()
                world.broker.start()
        with trial.fault(f"broker hung for {trial.dose.outage:g} s"):
            world.signal_broker(signal.SIGSTOP)
            time.sleep(trial.dose.outage)
            world.signal_broker(signal.SIGCONT)
    trial.judge()
    errors = Accepted.read(trial.accepted_folder).errors
    _are_clear(errors)
    trial.note(f"{errors.total()} tries of publishers ended in an error, each of which says what to do")


def _are_clear(errors: Iterable[str]) -> None:
    """The publisher's error names its cause, and what to do about it."""
    for error in errors:
        assert error.startswith("BrokerUnavailable: "), error
        assert "publish again with the same ids" in error, error


ROW: Final = Row(
    number=5,
    title="broker killed with -9 and started again; hung",
    run=run,
    sample=Dose(faults=1, rate=250, pause=0.1, outage=1),
    long=Dose(faults=6, pause=1, outage=60),
)
