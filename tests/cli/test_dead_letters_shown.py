"""`flowledger dead-letters list` and `show` against real servers."""

from __future__ import annotations

import pytest

from flowledger.domain.hexdump import hexdump
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.cli.letters import BAD, Run, one
from tests.storage.recording import dead_letters, record


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough here; `tests/workers/test_replay.py` does the same on both."""
    return sqlite_url


@pytest.fixture
def run(letters: Run) -> Run:
    """Runs `flowledger dead-letters …`."""
    return letters


def test_a_list_says_what_is_wrong_and_how_many_there_are(run: Run, storage: Storage) -> None:
    record(storage, BAD, b"words", raw("task.exploded"))
    listed = run("list", "--limit", "2")
    assert listed.code == 0
    assert "3 open dead letters; these are 2" in listed.out
    assert listed.out.count("\n    ") == 2
    (line,) = [line for line in run("list", "--type", "task.progressed").out.splitlines() if "data.progress" in line]
    assert line.startswith("    task.progressed from /tests: data.progress: ")


@pytest.mark.parametrize(("field", "count"), [("data.progress", 1), ("", 1), ("type", 1), ("data", 0)])
def test_a_list_of_one_field(run: Run, storage: Storage, field: str, count: int) -> None:
    record(storage, BAD, b"words", raw("task.exploded"))
    assert run("list", "--at", field, "--json").json["total"] == count


def test_a_list_for_programs_goes_on_where_it_ended(run: Run, storage: Storage) -> None:
    record(storage, BAD, b"words", raw("task.exploded"))
    first = run("list", "--json", "--limit", "2").json
    second = run("list", "--json", "--limit", "2", "--after", first["next"]).json
    assert (first["total"], second["total"], second["next"]) == (3, 3, None)
    ids = [letter["id"] for letter in first["dead_letters"] + second["dead_letters"]]
    assert sorted(ids) == sorted(letter.id for letter in dead_letters(storage))


def test_an_empty_list_says_so(run: Run) -> None:
    assert run("list").out == "no open dead letters\n"
    assert run("list", "--status", "all", "--since", "2h").out == "no dead letters\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "--since", "soon"),
        ("list", "--reason", "bad_luck"),
        ("replay",),
        ("replay", "dead_x", "--all"),
        ("replay", "dead_x", "--type", "task.started"),
        ("replay", "--all", "--edit"),
        ("replay", "--all", "--again"),
        ("replay", "dead_x", "dead_y", "--from", "-"),
        ("replay", "dead_x", "--set", "data.node"),
        ("replay", "dead_x", "--set", "=1"),
        ("replay", "dead_x", "--unset", "a..b"),
        ("replay", "dead_x", "--by", " "),
        ("discard", "--why", "no reason"),
        ("show", "dead_x", "--raw", "--json"),
    ],
)
def test_wrong_use_is_exit_2(run: Run, arguments: tuple[str, ...]) -> None:
    assert run(*arguments).code == 2


@pytest.mark.parametrize("command", ["show", "replay", "discard"])
def test_an_id_that_is_none_is_one_clear_line(run: Run, command: str) -> None:
    ended = run(command, "dead_nobody")
    assert (ended.code, ended.err.count("\n")) == (1, 1)
    assert ended.err.startswith("error: no dead letter has the id 'dead_nobody'")


def test_a_dead_letter_is_shown_with_bytes_that_do_a_terminal_no_harm(run: Run, storage: Storage) -> None:
    id_ = one(storage, b"\x1b[31mred\x00\xc2\x9b[bold]\xe2\x80\xae tail")
    shown = run("show", id_[:12])
    assert id_ in shown.out
    assert "\\x1b[31mred\\x00\\x9b[bold]\\u202e tail" in shown.out
    assert not any(char in shown.out for char in "\x1b\x00\x9b\u202e")


def test_bytes_that_are_no_text_are_shown_as_bytes(run: Run, storage: Storage) -> None:
    shown = run("show", one(storage, b"caf\xe9 " * 4))
    assert "00000010  61 66 e9 20 " in shown.out
    assert "not UTF-8: byte 3 is 0xe9" in shown.out


def test_of_large_ones_the_place_at_fault_is_shown(run: Run, storage: Storage) -> None:
    shown = run("show", one(storage, b"x" * 100_000 + b"\xff" + b"y" * 100_000))
    assert "78 78 ff 79" not in shown.out
    assert "000186a0  ff 79" in shown.out
    assert "--raw writes all" in shown.out
    assert len(shown.out) < 20_000


@pytest.mark.parametrize("body", [b"\xff\x00\r\n\x1b", b"words", b""])
def test_raw_is_the_exact_bytes(run: Run, storage: Storage, body: bytes) -> None:
    assert run("show", one(storage, body), "--raw").raw == body


@pytest.mark.parametrize(("body", "told"), [(b"caf\xc3\xa9\x00", {"text": "café\x00"}), (b"\xff", {"base64": "/w=="})])
def test_bytes_are_told_to_programs_exactly(run: Run, storage: Storage, body: bytes, told: dict[str, str]) -> None:
    assert run("show", one(storage, body), "--json").json["dead_letter"]["raw"] == told


def test_hexdump_is_sixteen_bytes_a_line() -> None:
    assert hexdump(bytes(range(60, 77))) == (
        f"00000000  3c 3d 3e 3f 40 41 42 43 44 45 46 47 48 49 4a 4b  <=>?@ABCDEFGHIJK\n00000010  4c{' ' * 45}  L"
    )


@pytest.mark.parametrize(
    ("body", "advice"),
    [(BAD, "--set data.progress=…"), (b"words", "--edit"), (raw("task.exploded"), "--set type=…")],
)
def test_what_may_be_done_is_said(run: Run, storage: Storage, body: bytes, advice: str) -> None:
    assert advice in " ".join(run("show", one(storage, body)).out.replace("│", " ").split())
