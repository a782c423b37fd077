"""A sign of life: a process that started a worker or beat may wait for a file to appear."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from celery.signals import beat_init, worker_ready

VARIABLE: Final = "FLOWLEDGER_SIGN_FILE"


def give_signs() -> None:
    """Make the file that the environment names as soon as this process is ready for work."""
    file = os.environ.get(VARIABLE)
    if not file:
        return

    def appear(**_: Any) -> None:
        Path(file).touch()

    for came_so_far in (worker_ready, beat_init):
        came_so_far.connect(appear, weak=False)
