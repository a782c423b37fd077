"""What a program with servers of its own has started ends with it, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil
import pytest

from flowledger.workers.health.birth import born_at
from tests.waiting import wait_until

_PROGRAM = """
import subprocess, sys
from flowledger.cli.leftovers import leave_nothing_running
leave_nothing_running()
sleeper = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(100)']); "
for new_session in (False, True):
    started = subprocess.Popen([sys.executable, "-c", sleeper + "time.sleep(100)"], start_new_session=new_session)
    print(started.pid, flush=True)
sys.stdin.read()
"""


@contextmanager
def started() -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """The program, which has started two processes, with a child each; none of them is left by the test."""
    program = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert program.stdout is not None
    pids = [int(program.stdout.readline()) for _ in range(2)]
    pids += wait_until(lambda: _children(pids), what="a child of each")
    births = {pid: born_at(pid) for pid in pids}
    try:
        yield program, pids
    finally:
        program.kill()
        with suppress(ValueError):  # its pipes are closed
            program.communicate()
        for pid in pids:
            if born_at(pid) == births[pid]:
                os.kill(pid, signal.SIGKILL)


def _children(pids: list[int]) -> list[int]:
    found = [child.pid for pid in pids for child in psutil.Process(pid).children()]
    return found if len(found) == len(pids) else []


def _is_gone(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_whatever_ends_the_program_ends_what_it_has_started(by: signal.Signals) -> None:
    with started() as (program, pids):
        assert not any(_is_gone(pid) for pid in pids)
        program.send_signal(by)
        program.wait(20)
        wait_until(lambda: all(_is_gone(pid) for pid in pids), 20, f"the end of {pids}")


def test_so_does_its_own_end() -> None:
    with started() as (program, pids):
        program.communicate("end", timeout=20)
        assert program.returncode == 0
        wait_until(lambda: all(_is_gone(pid) for pid in pids), 20, f"the end of {pids}")
