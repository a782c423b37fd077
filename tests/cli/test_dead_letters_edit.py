"""`flowledger dead-letters replay --edit` against real servers, with editors that are a line of shell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowledger.storage.unit_of_work import Storage
from tests.builders import event, to_bytes
from tests.cli.letters import BAD, Run, one, sent


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough here; `tests/workers/test_replay.py` does the same on both."""
    return sqlite_url


@pytest.fixture
def run(letters: Run) -> Run:
    """Runs `flowledger dead-letters …`."""
    return letters


def test_the_editor_gets_json_on_lines_and_what_is_saved_is_sent_without_them(
    run: Run, storage: Storage, redis_url: str, tmp_path: Path
) -> None:
    id_ = one(storage)
    seen = tmp_path / "seen"
    assert (
        run("replay", id_, "--edit", editor=f'cp "$1" {seen}; sed -i \'s/"progress": 2/"progress": 0.5/\' "$1"').code
        == 0
    )
    lines = seen.read_text().splitlines()
    assert lines[0].startswith(f"# {id_} was refused: invalid_data: data.progress: ")
    assert '    "progress": 2' in lines
    assert sent(redis_url) == [
        to_bytes(json.loads(BAD) | {"data": {"progress": 0.5}}).replace(b": ", b":").replace(b", ", b",")
    ]


def test_changes_come_before_the_editor(run: Run, storage: Storage, redis_url: str) -> None:
    assert run("replay", one(storage), "--edit", "--set", "data.progress=0.5", editor='touch "$1"').code == 0
    assert sent(redis_url) == [BAD.replace(b'"progress": 2', b'"progress": 0.5')]


@pytest.mark.parametrize(
    ("editor", "words"),
    [
        ("true", "nothing was saved"),
        ("exit 3", "ended with 3"),
        (': > "$1"', "nothing was saved"),
        ('rm "$1"', "nothing"),
    ],
)
def test_an_edit_that_is_given_up_sends_nothing(
    run: Run, storage: Storage, redis_url: str, editor: str, words: str
) -> None:
    id_ = one(storage)
    ended = run("replay", id_, "--edit", "--set", "data.progress=0.5", editor=editor)
    assert (ended.code, ended.err.count("\n")) == (1, 1)
    assert words in ended.err
    assert sent(redis_url) == []
    assert run("show", id_, "--json").json["actions"] == []


@pytest.mark.parametrize("body", [b"caf\xe9\r\nwords", b'{"a":\xff}', b"# words\n", b"", b'{"a":1}\n', BAD])
def test_what_is_saved_unchanged_is_the_exact_bytes(run: Run, storage: Storage, body: bytes) -> None:
    id_ = one(storage, body)
    assert run("replay", id_, "--edit", editor='touch "$1"').code == 1
    (action,) = run("show", id_, "--json").json["actions"]
    assert (action["action"], action["raw"]) == ("refused", None), "tried with its own bytes"


def test_bytes_that_are_no_text_reach_the_editor_and_come_back(run: Run, storage: Storage, redis_url: str) -> None:
    body = to_bytes(event("task.logged", subject="t", message="cafe")).replace(b"cafe", b"caf\xe9")
    id_ = one(storage, body)
    mend = 'LC_ALL=C sed -i \'s/caf\\xe9/café/; s/"level"//\' "$1"'
    assert run("replay", id_, "--edit", editor=mend).code == 0
    (found,) = sent(redis_url)
    assert json.loads(found)["data"]["message"] == "café"
