"""`flowledger show --follow`: events as lines, the record at the end, and a view for people."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from flowledger.cli import processes
from flowledger.cli.following import look, view
from flowledger.domain.settings import Settings
from flowledger.storage.ledger.tail import Tail
from flowledger.storage.running import OfExecution
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.cli.calling import Run
from tests.storage.recording import record
from tests.waiting import wait_until

Follow = Callable[..., subprocess.Popen[bytes]]
BEGUN: Final = [
    raw("execution.started", subject="e"),
    raw("node.started", subject="e", node="plan"),
    raw("node.completed", subject="e", node="read"),
    raw("task.created", subject="t", execution_id="e", name="a task"),
    raw("execution.created", subject="child", parent_execution_id="e"),
    raw("execution.logged", subject="e", message="a line"),
    raw("execution.logged", subject="e", message="a later\x1b line", time="2026-01-31T12:00:01Z"),
]


@pytest.fixture
def follow(settings: Settings, tmp_path: Path) -> Iterator[Follow]:
    """Follows an id on a pipe; `shown` has what it prints."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "flowledger.cli.main", "show", "--follow", *arguments]
        with (tmp_path / "shown").open("wb") as out:
            process = subprocess.Popen(
                command, stdout=out, stderr=out, env=os.environ | processes.environment(settings)
            )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_events_are_shown_as_they_come_and_then_the_record(follow: Follow, storage: Storage, tmp_path: Path) -> None:
    record(storage, *BEGUN)
    process, shown = follow("e"), tmp_path / "shown"
    wait_until(lambda: b"execution e running" in shown.read_bytes(), 30)
    record(storage, raw("task.started", subject="t"), raw("task.started", subject="other"))
    wait_until(lambda: b"task.started" in shown.read_bytes(), 10)
    record(storage, raw("node.failed", subject="e", node="plan"), raw("execution.failed", subject="e"))
    wait_until(lambda: process.poll() is not None, 10)
    text = shown.read_text()
    assert process.returncode == 1
    assert text.index("task.started") < text.index("node.failed") < text.index("execution.failed") < text.index("Nodes")
    assert "other" not in text


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_id_cannot_be_used_to_write_to_a_terminal(follow: Follow, storage: Storage, tmp_path: Path) -> None:
    record(storage, raw("execution.started", subject="e\x1b[31m"))
    process, shown = follow("e\x1b[31m"), tmp_path / "shown"
    wait_until(lambda: b"execution e\\x1b[31m running" in shown.read_bytes(), 30)
    record(storage, raw("execution.completed", subject="e\x1b[31m"))
    wait_until(lambda: process.poll() is not None, 10)
    assert (process.returncode, b"\x1b" in shown.read_bytes()) == (0, False)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_programs_get_rows_of_the_journal_and_ctrl_c_is_no_error(
    follow: Follow, storage: Storage, tmp_path: Path
) -> None:
    record(storage, raw("task.started", id="s"))
    process, shown = follow("task_1", "--json"), tmp_path / "shown"
    numbers = itertools.count(1)

    def another_line() -> bool:
        number = next(numbers)
        record(storage, raw("task.logged", id=f"l{number}", message="x"), start=number)
        return b"\n" in shown.read_bytes()

    wait_until(another_line, 30)
    process.send_signal(signal.SIGINT)
    wait_until(lambda: process.poll() is not None, 10)
    assert process.returncode == 0
    assert {json.loads(line)["type"] for line in shown.read_text().splitlines()} == {"task.logged"}


def test_events_of_an_execution_are_its_own_and_those_of_its_tasks(storage: Storage) -> None:
    record(storage, raw("task.created", subject="t", execution_id="e"))
    tail = Tail(storage, OfExecution(subjects=("e",)))
    assert [*tail.look()] == []
    record(storage, *(raw("task.started", subject=one) for one in "tu"), raw("node.started", subject="e"))
    assert [event.subject for event in tail.look()] == ["t", "e"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_has_ended_is_shown_at_once(run: Run, storage: Storage) -> None:
    record(storage, raw("task.completed"), raw("task.cancelled", subject="no"), raw("agent.created", subject="a"))
    done = run("show", "task_1", "--follow")
    assert (done.code, "completed" in done.out) == (0, True)
    (last,) = run("show", "task_1", "--follow", "--json").out.splitlines()
    assert json.loads(last)["task"]["status"] == "completed"
    assert run("show", "no", "--follow").code == 1
    assert "not recorded as an execution or a task" in run("show", "a", "--follow").err
    assert "nothing recorded has the id" in run("show", "x", "--follow").err
    assert run("show", "task_1", "--follow", "--after", "x").code == 2


def test_the_view_shows_what_goes_on(storage: Storage) -> None:
    record(storage, *BEGUN)
    with storage.reading() as connection:
        seen = look(connection, "e", 10)
    lines = [line.plain for line in view(seen, 100, 30)]
    assert lines[0].startswith("execution e running  ")
    assert lines[1] == "node runs  1 running, 1 completed"
    assert lines[2].split()[0] == "running"
    assert lines[2].endswith("plan 1 1")
    assert {"tasks  1 pending", "children  1 pending", "log, the newest first"} <= set(lines)
    assert [line.split("  ")[-1] for line in lines[-2:]] == ["a later\\x1b line", "a line"]


@pytest.mark.parametrize(("width", "height"), [(80, 23), (40, 5), (200, 49), (80, 1)])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_view_fits(storage: Storage, width: int, height: int) -> None:
    record(storage, *BEGUN, *(raw("node.started", subject="e", node=f"n{n}") for n in range(60)))
    with storage.reading() as connection:
        seen = look(connection, "e", 100)
        assert len(look(connection, "e", 3).parts[0].rows) == 3
    lines = view(seen, width, height)
    assert len(lines) <= height
    assert all(line.cell_len <= width for line in lines)
