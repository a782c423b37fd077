"""Child processes: whom a kill strikes, and whom not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from flowledger.cli.processes import Process
from tests.waiting import wait_until

LEAVES_A_CHILD = "import subprocess; print(subprocess.Popen(['sleep', '60'], stdin=subprocess.DEVNULL).pid, flush=True)"


def process(tmp_path: Path, program: str) -> Process:
    started = Process("child", [sys.executable, "-c", program], os.environ, tmp_path / "log")
    started.start()
    return started


def test_a_kill_strikes_the_children_of_a_process_that_has_ended(tmp_path: Path) -> None:
    ended = process(tmp_path, LEAVES_A_CHILD)
    wait_until(lambda: not ended.is_running(), 30, "the end of the process")
    child = psutil.Process(int((tmp_path / "log").read_text()))
    ended.kill()
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 30, "the end of its child")


def test_a_kill_does_not_strike_another_that_has_the_number_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = process(tmp_path, "")
    wait_until(lambda: not ended.is_running(), 30, "the end of the process")
    another = subprocess.Popen(["sleep", "60"], start_new_session=True)
    struck: list[int] = []
    monkeypatch.setattr(Process, "pid", another.pid)
    monkeypatch.setattr("flowledger.cli.processes.kill_session", struck.append)
    try:
        ended.kill()
    finally:
        another.kill()
        another.wait()
    assert struck == []
