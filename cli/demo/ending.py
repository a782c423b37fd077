"""A clean end: Ctrl-C and SIGTERM are heeded between steps, never in the midst of one, and nothing is left behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, TracebackType
from typing import Final, Self

import psutil

from flowledger.domain.errors import SettingsError

_NOT_OURS: Final = ("LEDGER_", "CELERY_", "FLOWER_", "PG", "FLOWLEDGER_")
"""Beginnings of variables: our settings, those of Celery and Flower, and those of PostgreSQL's clients."""
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STOP_SECONDS: Final = 10.0
_LONGEST_PATH: Final = 75
"""Bytes; a Unix socket's path may have 103 on macOS, 107 on Linux, and `agents/reports.sock` comes behind."""


def forget_environment() -> None:
    """Takes away what names somebody's servers, or sets how they are used: the demo has servers of its own.

    Its agents and its worker are children of this process, and inherit what is left.
    """
    for name in list(os.environ):
        if name in ("REDIS_URL", "DATABASE_URL") or name.startswith(_NOT_OURS):
            del os.environ[name]


class Interruption:
    """While its `with` lasts, a signal to end is noted; `check` raises KeyboardInterrupt, once, where one came.

    So a server that is just being started is known by the time it has to be stopped, and impatience does not cut the
    stopping short.
    """

    def __init__(self) -> None:
        self._came = False
        self._told = False
        self._before: dict[signal.Signals, object] = {}

    def check(self) -> None:
        if self._came and not self._told:
            self._told = True
            raise KeyboardInterrupt

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {name: signal.signal(name, self._note) for name in _SIGNALS}
        return self

    def __exit__(self, kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        for name, handler in self._before.items():
            signal.signal(name, handler)  # type: ignore[arg-type]
        if kind is not None and issubclass(kind, Exception):
            self.check()  # what Ctrl-C did to a child that shares the terminal is no error of the demo

    def _note(self, _signal: int, _frame: FrameType | None) -> None:
        self._came = True


@contextlib.contextmanager
def temporary_home() -> Iterator[Path]:
    """A folder for this run alone; at the end whatever still runs on it is stopped, and it is removed.

    Raises SettingsError where its path is too long for the sockets in it.
    """
    home = Path(tempfile.mkdtemp(prefix="flowledger-demo-")).resolve()
    try:
        if len(str(home)) > _LONGEST_PATH:
            raise SettingsError(f"the path of temporary files is too long for sockets: {home.parent}; set TMPDIR")
        yield home
    finally:
        _stop_all_that_name(str(home))
        shutil.rmtree(home)


def _stop_all_that_name(folder: str) -> None:
    """A server whose start was broken off may run on unknown to all; its command line names its folder."""
    left = [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(folder in word for word in process.info["cmdline"] or ())
    ]
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    for process in psutil.wait_procs(left, timeout=_STOP_SECONDS)[1]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
