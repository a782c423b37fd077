"""`flowledger wait`: what is left to record."""

from __future__ import annotations

import time
from contextlib import closing
from typing import Final

from flowledger.cli import screen
from flowledger.domain.settings import Settings
from flowledger.workers.connections import connect
from flowledger.workers.pauses import Pauses
from flowledger.workers.status.backlog import backlog

_LOOK_SECONDS: Final = 0.05


def wait(settings: Settings, timeout: float | None) -> int:
    """Wait until nothing is left to record. Return what is left, which is 0 unless `timeout` seconds went by."""
    deadline = None if timeout is None else time.monotonic() + timeout
    with closing(connect(settings)) as client:
        left = sum(backlog(client, settings.shards).values())
        if left and (paused := Pauses(client).all()):
            words = f"paused: {', '.join(sorted(paused))}; what waits there is recorded after `flowledger resume`"
            screen.err.print(screen.words(words), soft_wrap=True)
        with screen.err.status("") as spinner:
            while left and (deadline is None or time.monotonic() < deadline):
                spinner.update(f"{left:,} events wait to be recorded")
                time.sleep(_LOOK_SECONDS)
                left = sum(backlog(client, settings.shards).values())
    return left
