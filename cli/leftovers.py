"""Programs with servers of their own, as tests and benchmarks are, leave nothing running, however they end.

`python -m flowledger.cli.leftovers MARK PID` is the guardian of one: when that process has ended, it kills every
process with the mark, which is a variable of the environment that all the program starts inherits.
"""

from __future__ import annotations

import os
import secrets
import signal
import sys
import time
from contextlib import suppress
from typing import Final

import psutil

_VARIABLE: Final = "LEFT_BY_FLOWLEDGER"
_LOOK_SECONDS: Final = 0.5
_LOOKS: Final = 20
"""Most looks at what is left; what is killed may have started something meanwhile."""


def leave_nothing_running() -> None:
    """Let SIGTERM end this process as Ctrl-C does, and nothing that it starts from now on outlive it.

    In order, what it started is stopped by it; after `kill -9` of it a guardian kills what is left. A shell starts what
    runs in its background deaf to SIGINT, and so does this process what it starts: undo that, too.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    mark = secrets.token_hex(8)
    os.posix_spawn(  # and not subprocess, which warns of a process that it is to leave alone
        sys.executable,
        [sys.executable, "-P", "-m", __name__, mark, str(os.getpid())],
        {name: value for name, value in os.environ.items() if name != _VARIABLE},
        file_actions=[(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)],
        setsid=True,
    )
    os.environ[_VARIABLE] = mark


def _kill_all(mark: str) -> bool:
    """Return whether there was any."""
    found = False
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(_VARIABLE) == mark:
                process.kill()
                found = True
    return found


def main() -> None:
    """Wait for the end of the program, and end what it left."""
    mark, program = sys.argv[1], int(sys.argv[2])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.chdir("/")
    while os.getppid() == program:
        time.sleep(_LOOK_SECONDS)
    for _ in range(_LOOKS):
        if not _kill_all(mark):
            return
        time.sleep(_LOOK_SECONDS)


if __name__ == "__main__":
    main()
