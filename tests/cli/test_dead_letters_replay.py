"""`flowledger dead-letters replay` and `discard` against real servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.cli.letters import BAD, Run, one, sent
from tests.storage.recording import dead_letters, record, record_entry


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough here; `tests/workers/test_replay.py` does the same on both."""
    return sqlite_url


@pytest.fixture
def run(letters: Run) -> Run:
    """Runs `flowledger dead-letters …`."""
    return letters


def test_what_is_set_is_sent_and_shown_with_who_did_it(run: Run, storage: Storage, redis_url: str) -> None:
    id_ = one(storage)
    done = run("replay", id_, "--set", "data.progress=0.50", "--set-text", "data.message=1", "--by", "jo [b]")
    assert (done.code, "1 replayed" in done.out) == (0, True)
    mended = BAD.replace(b'"progress": 2', b'"progress": 0.50,"message":"1"')
    assert sent(redis_url) == [mended]
    assert "waits to be recorded" in run("show", id_).out
    record(storage, mended, start=2)
    shown = run("show", id_)
    assert "jo [b]  replayed, changed to" in shown.out
    assert "recorded at" in shown.out
    (action,) = run("show", id_, "--json").json["actions"]
    assert (action["who"], action["outcome"]["came"], action["raw"]) == (
        "jo [b]",
        "recorded",
        {"text": mended.decode()},
    )


def test_what_is_still_no_event_is_exit_1_and_why(run: Run, storage: Storage, redis_url: str) -> None:
    done = run("replay", one(storage), "--set", "data.progress=3")
    assert done.code == 1
    assert "still no event, nothing is sent: data.progress: " in done.err
    assert sent(redis_url) == []


def test_a_second_replay_is_told(run: Run, storage: Storage) -> None:
    id_ = one(storage)
    run("replay", id_, "--unset", "data.progress", "--set", "type=task.started")
    again = run("replay", id_)
    assert (again.code, "is replayed already" in again.out) == (0, True)
    assert run("replay", id_, "--set", "data.progress=1").code == 1, "this change was not sent"
    assert run("discard", id_).code == 1
    assert run("replay", id_, "--again", "--unset", "data.progress", "--set", "type=task.started").code == 0


def test_another_text_comes_from_a_file_or_a_pipe(run: Run, storage: Storage, redis_url: str, tmp_path: Path) -> None:
    id_ = one(storage, b"words")
    file = tmp_path / "mended.json"
    file.write_bytes(raw("task.started", subject="t"))
    assert run("replay", id_, "--from", str(file)).code == 0
    assert run("replay", id_, "--from", "-", "--again", input=file.read_bytes()).code == 0
    assert sent(redis_url) == [file.read_bytes()] * 2
    assert "cannot read" in run("replay", id_, "--from", str(tmp_path / "none"), "--again").err


def test_of_several_fields_one_is_the_event(run: Run, storage: Storage, redis_url: str) -> None:
    good = raw("task.started", subject="t")
    record_entry(storage, b"Event", good, b"more", b"\xff")
    (letter,) = dead_letters(storage)
    assert "--field NUMBER" in run("show", letter.id).out
    assert run("replay", letter.id, "--field", "Event").code == 0
    assert sent(redis_url) == [good]


def test_all_that_filters_leave_are_replayed(run: Run, storage: Storage, redis_url: str) -> None:
    record(storage, BAD, b"words", raw("task.progressed", id="2", subject="t", progress=5), raw("task.exploded"))
    arguments = ("replay", "--all", "--type", "task.progressed", "--set", "data.progress=1")
    tried = run(*arguments, "--dry-run", "--json").json
    assert (tried["replayed"], sent(redis_url)) == (2, [])
    done = run(*arguments)
    assert (done.code, done.out) == (0, "2 replayed\n")
    assert len(sent(redis_url)) == 2
    rest = run("replay", "--all", "--json")
    assert (rest.code, rest.json["refused"], rest.json["replayed"]) == (1, 2, 0)
    assert [letter.status for letter in dead_letters(storage)] == ["replayed", "open", "replayed", "open"]


def test_what_is_discarded_leaves_the_list(run: Run, storage: Storage) -> None:
    record(storage, BAD, b"words")
    assert run("discard", "--all", "--why", "a test", "--by", "jo").out == "2 discarded\n"
    assert run("list").out == "no open dead letters\n"
    assert "2 discarded dead letters" in run("list", "--status", "discarded").out
    shown = run("show", dead_letters(storage)[0].id).out
    assert "jo  discarded" in shown
    assert "a test" in shown
