"""Celery's worker with one thing altered before it starts: `python -m tests.faults.altered_worker WHAT … worker …`.

clock SECONDS   the worker's clock is so far ahead
broken          a bad release: no event can be recorded
"""

from __future__ import annotations

import importlib
import sys
import time
from datetime import timedelta
from typing import Any

from celery.__main__ import main as celery

from flowledger.domain import times


def alter(arguments: list[str]) -> list[str]:
    """Alters what the arguments name; returns Celery's."""
    what, *rest = arguments
    if what == "clock":
        _shift(float(rest[0]))
        return rest[1:]
    assert what == "broken", what
    _break()
    return rest


def _shift(seconds: float) -> None:
    true_time, true_now = time.time, times.now
    time.time = lambda: true_time() + seconds
    times.now = lambda: true_now() + timedelta(seconds=seconds)


def _break() -> None:
    recorder: Any = importlib.import_module("flowledger.workers.recorder")

    def broken(*_: object) -> None:
        raise KeyError("no such column")

    recorder.transaction_of = broken


if __name__ == "__main__":
    sys.argv = ["celery", *alter(sys.argv[1:])]
    celery()
