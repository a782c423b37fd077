"""Keys of a terminal, one at a time and without Enter; Ctrl-C stays what it is."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager

from flowledger.cli import screen


@contextmanager
def unbuffered() -> Iterator[None]:
    """Read keys as they are pressed, if standard input is a terminal; what was set before is set again at the end."""
    if not screen.is_terminal(sys.stdin):
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def pressed(seconds: float) -> str:
    """Return the key that is pressed within `seconds`, in lower case; empty if none is."""
    found, _, _ = select.select([sys.stdin], [], [], seconds)
    return os.read(sys.stdin.fileno(), 32).decode("utf-8", "replace")[:1].lower() if found else ""
