"""`flowledger dead-letters …` against real servers, called in this process."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import redis

from flowledger.cli.dead_letters.shown import hexdump
from flowledger.cli.main import main
from flowledger.cli.moments import moment
from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.domain.times import now
from flowledger.storage.unit_of_work import Storage
from tests.builders import event, raw, to_bytes
from tests.storage.recording import dead_letters, record, record_entry

BAD = raw("task.progressed", id="bad", subject="t", progress=2)


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough here; `tests/workers/test_replay.py` does the same on both."""
    return sqlite_url


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        return self.raw.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


Run = Callable[..., Ended]


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Runs `flowledger dead-letters …`, with an editor that runs a line of shell, where one is given."""
    assert settings.redis_url is not None
    assert settings.database_url is not None
    monkeypatch.setenv("REDIS_URL", settings.redis_url.get_secret_value())
    monkeypatch.setenv("DATABASE_URL", settings.database_url.get_secret_value())
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("VISUAL", raising=False)

    def run(*arguments: str, input: bytes = b"", editor: str = "false") -> Ended:
        script = settings.home.parent / "editor.sh"
        script.write_text(f"#!/bin/sh\n{editor}\n")
        script.chmod(0o700)
        monkeypatch.setenv("EDITOR", str(script))
        monkeypatch.setattr(sys, "argv", ["flowledger", "dead-letters", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(input)))
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        out, err = capfdbinary.readouterr()
        return Ended(code, out, err.decode())

    return run


def one(storage: Storage, body: bytes = BAD) -> str:
    """Makes a dead letter; its id."""
    assert record(storage, body).dead == 1
    return dead_letters(storage)[0].id


def sent(redis_url: str, key: str = "t") -> list[bytes]:
    """What stands in the stream of the events with this partition key."""
    found: Any = redis.Redis.from_url(redis_url).xrange(streams.stream(streams.shard_of(key, 8)))
    return [fields[b"event"] for _, fields in found]


# --- list


def test_a_list_says_what_is_wrong_and_how_many_there_are(run: Run, storage: Storage) -> None:
    record(storage, BAD, b"words", raw("task.exploded"))
    listed = run("list", "--limit", "2")
    assert listed.code == 0
    assert "3 open dead letters; these are 2" in listed.out
    assert listed.out.count("\n    ") == 2
    (line,) = [line for line in run("list", "--type", "task.progressed").out.splitlines() if "data.progress" in line]
    assert line.startswith("    task.progressed from /tests: data.progress: ")


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


# --- show


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


# --- replay


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


# --- the editor


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


# --- moments


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("2h", 7200), ("1d12h", 129_600), ("1w", 604_800)])
def test_a_span_is_so_long_ago(text: str, seconds: int) -> None:
    assert abs((now() - moment(text)).total_seconds() - seconds) < 60


def test_a_date_begins_at_midnight_in_utc() -> None:
    assert moment("2026-01-31") == moment("2026-01-31T00:00:00Z") == moment("2026-01-31T01:00:00+01:00")


@pytest.mark.parametrize("text", ["", "h", "2", "2h ", "-2h", "2026-13-01", "2026-01-31T12:00:00", "999999999w", "٢h"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"neither|longer ago"):
        moment(text)
