"""Threads beside a worker's tasks: they stop when they are asked to, and nobody waits for them too long."""

from __future__ import annotations

import threading
import time

from flowledger.workers.background import BackgroundThread


def test_it_runs_until_it_is_asked_to_stop() -> None:
    began, ended = threading.Event(), threading.Event()

    def run(stopping: threading.Event) -> None:
        began.set()
        stopping.wait(60)
        ended.set()

    with BackgroundThread("t", run):
        assert began.wait(10)
        assert not ended.is_set()
    assert ended.is_set()


def test_who_stops_it_waits_for_join_seconds_at_most() -> None:
    release = threading.Event()

    def run(_stopping: threading.Event) -> None:
        release.wait(60)

    thread = BackgroundThread("t", run, join_seconds=0.01)
    thread.start()
    began = time.monotonic()
    thread.stop()
    assert time.monotonic() - began < 30
    release.set()
