"""When a process began: that and its number tell it from all others, for numbers are given anew."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import psutil

_PROC: Final = Path("/proc")


def born_at(pid: int) -> float | None:
    """Return when a process began, by a clock that never jumps; None if no such process lives.

    On Linux that is the kernel's own number (proc(5), field 22 of `stat`): psutil adds the time of the machine's start,
    which changes whenever the clock is set.
    """
    if not (_PROC / "self" / "stat").exists():
        try:
            process = psutil.Process(pid)
            return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
        except psutil.Error:
            return None
    try:
        fields = (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])
