"""On terminals of every width, what people read is whole: ids and URLs each on one line, so that they can be copied."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from rich.cells import cell_len
from rich.text import Text

from flowledger.cli import layout
from flowledger.cli.book import Book
from flowledger.cli.service import Running
from flowledger.cli.up import print_screen
from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.connections import connect
from tests.builders import event, raw
from tests.cli.calling import Run
from tests.storage.recording import dead_letters, record

WIDTHS = (60, 80, 100, 160)
URL = "https://example.org/a/long/path/which/does/not/fit/into/sixty/columns?query=1&more=2"
SOURCE = "https://planner.example.org/instances/eu-west-1/0a1b2c3d4e5f60718293a4b5c6d7e8f9"
HEX = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
EXECUTION, TASK, WORKSPACE, THREAD = (f"{kind}_{HEX}" for kind in ("exec", "task", "ws", "thread"))
SANDBOX, OTHER, AGENT = f"sb_{HEX}", f"sb_{HEX[::-1]}", f"agent_{HEX}"
MESSAGE = f"{SANDBOX}/msg_0001"
EVENTS = [
    raw("execution.created", subject=EXECUTION, input={"folder": URL}),
    raw("node.started", subject=EXECUTION, node="summarise_the_reviews_of_all_files_in_the_repository"),
    raw("execution.logged", subject=EXECUTION, message=f"reading {URL} now, which will take a while, as always"),
    raw("task.created", subject=TASK, execution_id=EXECUTION, name="review the file and say what is unclear in it"),
    raw("task.failed", subject=TASK, error={"type": "Timeout", "message": f"no answer of {URL} in time"}),
    raw("workspace.created", subject=WORKSPACE, name="the laboratory"),
    raw("sandbox.created", subject=SANDBOX, workspace_id=WORKSPACE, agent_id=AGENT, connection={"url": URL}),
    raw(
        "message.sent", subject=MESSAGE, from_sandbox_id=SANDBOX, to_sandbox_ids=[OTHER], thread_id=THREAD,
        content={"question": f"what is at {URL}?"},
    ),
]  # fmt: skip
BAD = json.dumps(event("task.progressed", id="bad", source=SOURCE, subject=TASK, progress=2), separators=(",", ":"))

In = Callable[..., list[str]]


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough here."""
    return sqlite_url


@pytest.fixture(params=WIDTHS)
def width(request: pytest.FixtureRequest) -> int:
    found: int = request.param
    return found


@pytest.fixture
def lines(run: Run, width: int, monkeypatch: pytest.MonkeyPatch) -> In:
    """Runs a command on a terminal of this width; the lines of its output."""

    def lines(*arguments: str) -> list[str]:
        monkeypatch.setenv("COLUMNS", str(width))
        return run(*arguments).out.splitlines()

    return lines


def words_of(found: list[str]) -> set[str]:
    """All words, without the lines of boxes and the punctuation of JSON and of sentences."""
    return {word.strip('"{}:?,') for line in found for word in re.split(r"[\s│]+", line)}


@pytest.mark.parametrize(
    ("id_", "whole"),
    [
        (EXECUTION, {EXECUTION, TASK, URL, "summarise_the_reviews_of_all_files_in_the_repository"}),
        (TASK, {TASK, EXECUTION, URL}),
        (WORKSPACE, {WORKSPACE, SANDBOX, AGENT}),
        (SANDBOX, {SANDBOX, WORKSPACE, AGENT, URL}),
        (MESSAGE, {MESSAGE, SANDBOX, OTHER, THREAD, URL}),
        (THREAD, {THREAD, MESSAGE, SANDBOX, OTHER, URL}),
    ],
)
def test_show_cuts_no_id_and_no_url(lines: In, storage: Storage, id_: str, whole: set[str]) -> None:
    record(storage, *EVENTS)
    assert whole - words_of(lines("show", id_)) == set()


def test_why_cuts_no_id(lines: In, storage: Storage) -> None:
    record(storage, *EVENTS, raw("task.started", subject=TASK, id=HEX, source=SOURCE))
    assert {TASK, HEX, SOURCE} - words_of(lines("why", TASK)) == set()


def test_dead_letters_are_whole_and_the_command_that_mends_them_can_be_copied(lines: In, storage: Storage) -> None:
    record(storage, BAD.encode(), b"\xff" * 40)
    first, second = (letter.id for letter in dead_letters(storage))
    assert {first, second, SOURCE} - words_of(lines("dead-letters", "list")) == set()
    shown = lines("dead-letters", "show", first)
    assert {first, SOURCE, TASK} - words_of(shown) == set()
    assert f"to mend: flowledger dead-letters replay {first} --set data.progress=…" in shown
    assert any(BAD in line for line in shown), "its text, on one line"


def test_a_hexdump_fits(lines: In, storage: Storage, width: int) -> None:
    record(storage, b"\xff" * 40)
    shown = lines("dead-letters", "show", dead_letters(storage)[0].id)
    rows = [line for line in shown if re.search(r"\b000000[0-9a-f]{2} ", line)]
    assert len(rows) == (3 if width >= 80 else 5)
    assert all(cell_len(line) <= width for line in rows)


def test_members_and_gaps_are_whole(lines: In, storage: Storage) -> None:
    numbers = [{"sequence": str(number)} for number in (1, 2, 5)]
    record(storage, *EVENTS, *(raw("task.logged", source=SOURCE, subject=TASK, attributes=one) for one in numbers))
    assert {WORKSPACE, SANDBOX} - words_of(lines("members")) == set()
    assert SOURCE in words_of(lines("gaps"))


def test_status_is_whole_and_fits(lines: In, width: int, settings: Settings) -> None:
    client = connect(settings)
    client.xadd(streams.stream(1), {"event": "{}"})
    client.close()
    lines("pause", "--shard", "1", "--why", "the disk of the database is nearly full")
    lines("pause", "--source", SOURCE, "--why", f"see {URL}")
    found = lines("status")
    assert {SOURCE, URL} - words_of(found) == set()
    told = " ".join(" ".join(re.split(r"[\s│]+", line)) for line in found)
    assert "paused" in told
    for line in found:
        assert cell_len(line.rstrip()) <= width or any(len(word) > width // 2 for word in line.split()), line


def test_keys_are_whole(lines: In, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a folder with a long name, as there are some" / "keys.json"
    path.parent.mkdir()
    monkeypatch.setenv("LEDGER_KEY_FILE", str(path))
    made = lines("keys", "new", SANDBOX, OTHER)
    found = lines("keys", "list")
    assert str(path) in found
    assert {line.rpartition(" ")[2] for line in made} | {SANDBOX, OTHER} <= words_of(found)


def test_the_screen_of_up_has_each_url_on_a_line_of_its_own(
    width: int, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    database = f"postgresql://flowledger@{'database.' * 8}example.org:5432/ledger"
    own = settings.model_copy(update={"database_url": SecretStr(database), "redis_url": SecretStr("redis://h:6379/0")})
    flower = "http://127.0.0.1:36573/"
    print_screen(Running(own, flower, "s3cret", tmp_path / "logs", (), Book(tmp_path / "book")))
    found = capfd.readouterr().out.splitlines()
    for name, value in (("DATABASE_URL", database), ("REDIS_URL", "redis://h:6379/0"), ("Flower", flower)):
        (line,) = [line for line in found if line.split()[0] == name]
        assert line.split() == [name, value]
    assert not any(char in line for line in found for char in "│╭╰")


# --- how rows are laid out


def laid(rows: list[layout.Row], width: int, monkeypatch: Any, capfd: Any) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    layout.print_rows(rows)
    out: str = capfd.readouterr().out
    return out.splitlines()


def test_words_are_wrapped_behind_the_name(monkeypatch: Any, capfd: Any) -> None:
    rows = layout.facts([("a", "one two three four"), ("long", "x\n  y")])
    assert laid(rows, 16, monkeypatch, capfd) == ["a     one two", "      three four", "long  x", "        y"]


def test_a_word_that_is_too_long_runs_on(monkeypatch: Any, capfd: Any) -> None:
    assert laid(layout.facts([("a", f"see {URL} there")]), 40, monkeypatch, capfd) == [
        "a  see",
        f"   {URL}",
        "   there",
    ]


def test_what_is_led_by_many_words_stands_below_them(monkeypatch: Any, capfd: Any) -> None:
    row = layout.Row(Text("2026-01-31 12:00:00  "), Text("one two three four five"))
    assert laid([row], 26, monkeypatch, capfd) == ["2026-01-31 12:00:00", "    one two three four", "    five"]
    assert laid([row], 60, monkeypatch, capfd) == ["2026-01-31 12:00:00  one two three four five"]


def test_wide_characters_take_two_columns(monkeypatch: Any, capfd: Any) -> None:
    assert laid(layout.facts([("a", "漢字 漢字 漢字")]), 13, monkeypatch, capfd) == ["a  漢字 漢字", "   漢字"]


def test_a_value_of_nothing_is_a_line(monkeypatch: Any, capfd: Any) -> None:
    assert [line.rstrip() for line in laid(layout.facts([("a", ""), ("b", "c")]), 20, monkeypatch, capfd)] == [
        "a",
        "b  c",
    ]


def test_a_table_that_does_not_fit_becomes_a_block_for_each_row(monkeypatch: Any, capfd: Any) -> None:
    columns = (layout.Column("id"), layout.Column("why", wraps=True))
    rows = [["x" * 30, "because of this and that and more"], ["y", ""]]
    monkeypatch.setenv("COLUMNS", "80")
    layout.print_table("Things", columns, rows)
    assert "┃" in capfd.readouterr().out
    monkeypatch.setenv("COLUMNS", "40")
    layout.print_table("Things", columns, rows)
    assert capfd.readouterr().out.splitlines() == [
        "Things",
        f"id {'x' * 30}",
        "    why  because of this and that and",
        "         more",
        "id y",
    ]
