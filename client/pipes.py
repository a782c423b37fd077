"""Standard input and pipes: a wait for more can be ended, and something can be done meanwhile."""

from __future__ import annotations

import errno
import io
import os
import select
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TextIO

STANDARD_INPUT: Final = "-"
LOOK_SECONDS: Final = 0.2
"""How long a read waits before it asks whether to go on."""
_PIECE: Final = 2**16
"""Bytes of a read: as many as a pipe holds on Linux."""


class Pipe(io.RawIOBase):
    """The bytes of what is no file, as they come.

    `goes_on` is asked before each read, and while nothing comes every `LOOK_SECONDS`: if not, the pipe is at its end.
    Python repeats a read that a signal interrupts, so no handler of a signal could end it otherwise.
    """

    def __init__(self, name: str, goes_on: Callable[[], bool]) -> None:
        super().__init__()
        self._goes_on = goes_on
        self._number = os.dup(standard_input().fileno()) if name == STANDARD_INPUT else _opened(name, goes_on)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while self._goes_on():
            if select.select([self._number], [], [], LOOK_SECONDS)[0]:
                piece = os.read(self._number, len(buffer))
                buffer[: len(piece)] = piece
                return len(piece)
        return 0

    def close(self) -> None:
        if not self.closed:
            os.close(self._number)
        super().close()


def standard_input() -> TextIO:
    """Return standard input. Raises OSError if it is closed."""
    if sys.stdin is None:
        raise OSError(errno.EBADF, "standard input is closed")
    return sys.stdin


def is_pipe(name: str) -> bool:
    """Return whether this is standard input, or no file on a disk: what was read of it cannot be read again."""
    return name == STANDARD_INPUT or not Path(name).is_file()


def buffered(pipe: Pipe) -> io.BufferedReader:
    """Return a reader of its lines."""
    return io.BufferedReader(pipe, _PIECE)


def _opened(name: str, goes_on: Callable[[], bool]) -> int:
    """Open a pipe, which waits for somebody who writes; if that is given up, open what is empty."""
    opened: list[int | OSError] = []

    def open_it() -> None:
        try:
            opened.append(os.open(name, os.O_RDONLY))
        except OSError as error:
            opened.append(error)

    opening = threading.Thread(target=open_it, daemon=True)
    opening.start()
    while opening.is_alive() and goes_on():
        opening.join(LOOK_SECONDS)
    found = opened[0] if opened else os.open(os.devnull, os.O_RDONLY)
    if isinstance(found, OSError):
        raise found
    return found
