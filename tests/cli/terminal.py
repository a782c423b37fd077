"""A command at a terminal: a pseudo terminal of which the test is the other side."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Final

PATIENCE_SECONDS: Final = 60.0
COMMAND: Final = (sys.executable, "-m", "flowledger.cli.main")


def at_a_terminal(
    *arguments: str, question: str = "", answer: str = "", more: Sequence[tuple[str, str]] = ()
) -> tuple[int, str]:
    """Run `flowledger …`, and give the `answer` once the `question` is there, then `more` of them.

    Return how it ended, and all it wrote.
    """
    ours, its = pty.openpty()
    try:
        process = subprocess.Popen([*COMMAND, *arguments], stdin=its, stdout=its, stderr=its)
        os.close(its)
        written = ""
        for asked, said in [(question, answer), *more] if question else []:
            written += _read(ours, until=asked)
            os.write(ours, f"{said}\n".encode())
        written += _read(ours)
        return process.wait(PATIENCE_SECONDS), written.replace("\r\n", "\n")
    finally:
        os.close(ours)


def _read(terminal: int, until: str | None = None) -> str:
    """What is written, up to these words, or to the end."""
    written = b""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while until is None or until not in written.decode("utf-8", "replace"):
        ready, _, _ = select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"nothing more came after {written!r}"
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # what Linux says when the other side is closed
            piece = b""
        if not piece:
            assert until is None, f"{until!r} did not come; all that came is {written!r}"
            break
        written += piece
    return written.decode()
