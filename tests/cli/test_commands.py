"""What all commands do alike, against real servers: wrong use, missing servers, passwords; types that no event has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from flowledger.cli.filters import warn_of_types
from flowledger.storage.unit_of_work import Storage
from tests.builders import entries, raw
from tests.cli.calling import Run
from tests.storage.recording import recorder


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough here; `test_up` runs the same commands on both."""
    return sqlite_url


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("task.complete", "did you mean task.completed?"),
        ("taks.*", "did you mean task.*?"),
        ("task", "did you mean task.*?"),
        ("nothing.like.it", "no event type is called 'nothing.like.it'"),
        ("task.*", ""),
        ("task.completed", ""),
        ("*", ""),
    ],
)
def test_a_type_that_no_event_can_have_is_told(capfd: pytest.CaptureFixture[str], asked: str, told: str) -> None:
    warn_of_types([asked])
    err = capfd.readouterr().err
    assert told in err
    assert bool(err) == bool(told)


def test_a_filter_of_dead_letters_is_told_of_only_if_it_finds_none(run: Run, storage: Storage) -> None:
    assert "did you mean task.completed?" in run("dead-letters", "list", "--type", "task.complete").err
    assert "did you mean task.completed?" in run("dead-letters", "discard", "--all", "--type", "task.complete").err
    recorder(storage).record(entries([raw("task.complete")]))
    assert run("dead-letters", "list", "--type", "task.complete").err == ""


def test_wrong_use_is_exit_2(run: Run) -> None:
    assert run("publish", "no-such-file").code == 2
    assert run("bogus").code == 2
    assert run("wait", "--timeout", "soon").code == 2


def test_without_servers_it_says_what_to_do(run: Run) -> None:
    done = run("publish", "-", REDIS_URL=None, DATABASE_URL=None)
    assert done.code == 1
    assert "start `flowledger up`, or set REDIS_URL" in done.err


@pytest.mark.parametrize("command", ["publish -", "status", "show x", "migrate", "worker", "wait --timeout 1"])
def test_a_password_in_a_url_is_in_no_error(run: Run, command: str) -> None:
    done = run(
        *command.split(),
        input=raw("task.created"),
        REDIS_URL="redis://:hunter2@127.0.0.1:1/0",
        DATABASE_URL="postgresql://user:hunter2@127.0.0.1:1/none",
    )
    assert done.code == 1
    assert "hunter2" not in done.out + done.err
    assert done.err.startswith("error: ")


def test_migrate_and_a_worker_before_it(run: Run, tmp_path: Path) -> None:
    new = f"sqlite:///{tmp_path}/new.db"
    early = run("worker", DATABASE_URL=new)
    assert early.code == 1
    assert "flowledger migrate" in early.err
    for _ in range(2):
        done = run("migrate", DATABASE_URL=new)
        assert done.code == 0
        assert "the newest" in done.out


def test_it_runs_as_a_process_of_its_own(run: Run) -> None:
    command = [sys.executable, "-m", "flowledger.cli.main", "bogus"]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "No such command 'bogus'" in done.stderr
