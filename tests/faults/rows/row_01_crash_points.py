"""Row 1: a drain ends at every step of its work, for every event type; the next one finds what it left."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

from flowledger.cli import processes
from tests.faults.crash import OF_END, OF_SENT, POINTS
from tests.faults.trial import Dose, Row, Trial


def run(trial: Trial) -> None:
    """All pairs, one after the other, in processes of their own."""
    command = [sys.executable, "-m", "tests.faults.crash", "--log", str(trial.accepted_folder / "crash.log")]
    command += ["--name", f"crash{trial.accepted_folder.name}", "--seed", str(trial.seed)]
    command += ["--few"] if trial.dose.few else []
    done = subprocess.run(
        command, env=processes.environment(trial.world.direct), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-500:]
    crashes = int(done.stdout)
    trial.outcome.faults += crashes
    trial.judge()
    trial.note(
        f"{len(POINTS)} crash points, each with each event type, and {len(OF_SENT) + len(OF_END)} of the post office: "
        f"{crashes} crashes"
    )


ROW: Final = Row(
    number=1,
    title="os._exit at every step: read, written, committed, put into the inbox, deleted; each event type",
    run=run,
    sample=Dose(faults=1, few=True),
    long=Dose(faults=1),
    starts_workers=False,
)
