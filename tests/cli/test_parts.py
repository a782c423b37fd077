"""The parts of a service: their first sign of life, their ports, and whose process is whose."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from flowledger.cli import kept
from flowledger.cli.book import Book
from flowledger.cli.embedded import EmbeddedServerError, EmbeddedValkey, embedded_valkey_server
from flowledger.cli.processes import Process
from flowledger.cli.signs import DidNotStart, Part, wait_for_signs
from flowledger.workers.health.birth import born_at
from tests.waiting import wait_until


def test_a_part_that_ends_before_it_is_up_is_told_with_its_last_words(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    part = Process("worker", [sys.executable, "-c", "import sys; sys.exit('no such thing')"], os.environ, log)
    part.start()
    with pytest.raises(DidNotStart, match=f"worker ended before it was up; it says last:\nno such thing\n.*{log}"):
        wait_for_signs([Part(part, lambda: False)])


def test_a_part_that_gives_no_sign_is_told_with_the_place_where_it_should_be(tmp_path: Path) -> None:
    part = Process("flower", [sys.executable, "-c", "import time; time.sleep(60)"], os.environ, tmp_path / "log")
    part.start()
    try:
        with pytest.raises(DidNotStart, match=r"flower gave no sign of life at http://127\.0\.0\.1:1/ in 0\.1 s"):
            wait_for_signs([Part(part, lambda: False, "http://127.0.0.1:1/")], seconds=0.1)
    finally:
        part.kill()


def test_a_port_is_kept_and_another_one_is_told_where_it_is_taken(tmp_path: Path) -> None:
    told: list[str] = []
    port = kept.port(tmp_path, "valkey", told.append)
    assert kept.port(tmp_path, "valkey", told.append) == port
    assert told == []
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        other = kept.port(tmp_path, "valkey", told.append)
    assert other != port
    assert f"port {port} of valkey is taken" in told[0]
    assert kept.port(tmp_path, "valkey", told.append) == other


def test_a_process_that_got_the_number_of_one_of_ours_is_left_alone(tmp_path: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    file = tmp_path / "processes-1.json"
    file.write_text(json.dumps({"worker": [stranger.pid, (born_at(stranger.pid) or 0) - 10]}))
    try:
        Book(file).end_all()
        assert stranger.poll() is None
        assert not file.exists()
    finally:
        stranger.kill()
        stranger.wait()


def test_what_is_left_running_is_ended_also_if_the_clock_of_the_machine_was_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """psutil's time of birth moves with the clock; without /proc, as on macOS, it does not."""
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    threading.Thread(target=left.wait, daemon=True).start()
    book = Book(tmp_path / "processes-1.json")
    book.note("worker", left.pid)
    usual = psutil.Process.create_time
    if Path("/proc/self/stat").exists():
        monkeypatch.setattr(psutil.Process, "create_time", lambda self: usual(self) + 3600)
    told: list[str] = []
    try:
        book.end_all(told.append)
        wait_until(lambda: left.poll() is not None, 10)
        assert told == ["ending worker, which was left running"]
    finally:
        left.kill()


def test_two_servers_never_run_on_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowledger.cli.embedded._LEFT_SECONDS", 0.1)
    with (
        embedded_valkey_server(tmp_path / "valkey"),
        pytest.raises(EmbeddedServerError, match="another Valkey runs on"),
    ):
        EmbeddedValkey(tmp_path / "valkey").start()
