"""Waiting for a condition instead of for some time."""

from __future__ import annotations

import fcntl
import struct
import termios
import time
from collections.abc import Callable
from typing import Final, TypeVar

Answer = TypeVar("Answer")

_LOOK_AGAIN_SECONDS: Final = 0.01


def wait_until(condition: Callable[[], Answer], seconds: float = 15.0, what: str = "the condition") -> Answer:
    """What `condition` answers when it first answers something true; AssertionError where it does not within `seconds`.

    An exception that `condition` raises is the test's to see: it ends the wait.
    """
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {seconds:g} s; the last answer was {answer!r}")
        time.sleep(_LOOK_AGAIN_SECONDS)


def left(pipe: int) -> int:
    """How many bytes nobody has taken from this pipe yet."""
    (number,) = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))
    return int(number)
