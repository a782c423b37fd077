"""Threads for what a worker does beside its Celery tasks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Self


class BackgroundThread:
    """A daemon thread that does `run` once; `run` returns soon after the event that it is given is set.

    Whoever stops the thread waits for it for `join_seconds`; None: until it has ended.
    """

    def __init__(self, name: str, run: Callable[[threading.Event], None], *, join_seconds: float | None = None) -> None:
        self._stopping = threading.Event()
        self._join_seconds = join_seconds
        self._thread = threading.Thread(target=run, args=(self._stopping,), name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def is_running(self) -> bool:
        return self._thread.is_alive()

    def ask_to_stop(self) -> None:
        self._stopping.set()

    def stop(self) -> None:
        """Ask the thread to stop, and wait for it."""
        self.ask_to_stop()
        self._thread.join(self._join_seconds)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
