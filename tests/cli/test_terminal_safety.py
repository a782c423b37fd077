"""Nothing that is recorded can write to a terminal: control characters are written out, whatever command shows them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from flowledger.cli.tail import lines
from flowledger.client.prepared import read_checked
from flowledger.domain.errors import Refused
from flowledger.domain.limits import Limits
from flowledger.storage.kinds import LISTED
from flowledger.storage.ledger.tail import Tail, Wanted
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.cli.calling import Run
from tests.storage.recording import record
from tests.vocabulary import EXAMPLES, FIELDS, OWN_SOURCES, SUBJECTS

LONG_AGO: Final = datetime(2020, 1, 1, tzinfo=UTC)
EVIL: Final = "a\x1b[31m\x1b]0;t\x07\x9b2J\x08\r\x7f\u202e\u2066\u200b\u2028[bold]z"
"""Escape sequences of 7 and 8 bits, a bell, a backspace, a return, marks that turn text around or hide, and markup."""
SOURCE: Final = f"/{EVIL}"
LISTS: Final = {
    "execution": "nodes", "message": "deliveries", "workflow": "versions", "task": "log", "metric": "metrics",
    "audit": "audit",
}  # fmt: skip


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough here: what is shown is the same."""
    return sqlite_url


def evil(value: Any) -> Any:
    """The value with every text in it replaced."""
    if isinstance(value, dict):
        return {name if name in KEPT_NAMES else f"{name}{EVIL}": evil(one) for name, one in value.items()}
    if isinstance(value, list):
        return [evil(one) for one in value]
    return EVIL if isinstance(value, str) else value


KEPT_NAMES: Final = {name for kind in ("error", "agent_config", "health", "definition") for name in EXAMPLES[kind]} | {
    "id"
}


def event_of(type_: str) -> bytes:
    """An event with all fields of its type, as many of them as possible evil."""
    data = {name: EXAMPLES[field.kind] for name, field in FIELDS[type_].items() if name != "attempt"}
    told = {name: evil(value) for name, value in data.items()}
    source = OWN_SOURCES.get(type_, SOURCE)
    while (name := refused(event := raw(type_, subject=subject_of(type_), source=source, **told))) is not None:
        assert told[name] != data[name], name
        told[name] = data[name]
    return event


def refused(event: bytes) -> str | None:
    """The field for which an event is refused, if it is."""
    try:
        read_checked(event, Limits())
    except Refused as error:
        return error.field.split(".")[1]
    return None


def subject_of(type_: str) -> str:
    return SUBJECTS[type_.partition(".")[0]] + EVIL


def assert_safe(shown: str) -> None:
    assert {char for char in shown if char != "\n" and not char.isprintable()} == set()


@pytest.fixture
def subjects(storage: Storage) -> list[str]:
    """What is recorded: all types of events, and an evil dead letter about each subject."""
    events = [event_of(type_) for type_ in FIELDS]
    done = record(storage, *events)
    assert (done.recorded, done.dead) == (len(events), 0)
    ids = [f"{subject}{EVIL}" for subject in dict.fromkeys(SUBJECTS.values())]
    record(storage, *(raw("task.created", subject=one, source=SOURCE, priority=EVIL) for one in ids))
    return ids


def test_what_show_and_why_print_is_safe(run: Run, subjects: list[str]) -> None:
    for subject in subjects:
        for command in ("show", "why"):
            ended = run(command, subject)
            assert ended.code == 0
            assert_safe(ended.out + ended.err)
    for kind, name in LISTS.items():
        ended = run("why", subject_of(kind), "--of", name)
        assert ended.code == 0, name
        assert_safe(ended.out + ended.err)


@pytest.mark.parametrize("width", ["40", "400"])
def test_what_lists_print_is_safe(run: Run, subjects: list[str], width: str, monkeypatch: pytest.MonkeyPatch) -> None:
    del subjects
    for table, repository in LISTED.items():
        owner = next(iter(getattr(repository, "owned_by", ())), ())
        filters = [word for name in owner for word in (f"--{name.replace('_', '-')}", owner_of(name))]
        monkeypatch.setenv("COLUMNS", width)
        ended = run("list", table, *filters)
        assert (ended.code, ended.out.startswith("no ")) == (0, False), table
        assert_safe(ended.out + ended.err)


def owner_of(column: str) -> str:
    if column == "name":  # of a metric
        return str(json.loads(event_of("metric.recorded"))["data"]["name"])
    return subject_of("metric" if column == "subject" else column.removesuffix("_id"))


@pytest.mark.parametrize("messages", [False, True])
def test_what_tail_prints_is_safe(
    storage: Storage, subjects: list[str], capsys: pytest.CaptureFixture[str], messages: bool
) -> None:
    del subjects
    show = lines(messages=messages)
    for event in Tail(storage, Wanted(types=["message.*"] if messages else []), since=LONG_AGO).look():
        show(event)
    shown = capsys.readouterr().out
    assert "\\x1b[31m" in shown
    assert_safe(shown)


def test_what_the_other_commands_print_is_safe(run: Run, subjects: list[str]) -> None:
    assert run("hold", "add", "subject", *subjects, "--why", EVIL, "--by", EVIL).code == 0
    letters = [row["id"] for row in run("dead-letters", "list", "--json").json["dead_letters"]]
    calls = [
        ("hold", "list"), ("dead-letters", "list"), ("status",), ("top", "--once"), ("members",),
        ("gaps", "--by", "source"),
        ("verify",), ("erase", *subjects, "--dry-run"), ("erase", subjects[0], "--why", "x", "--yes"),
        *(("dead-letters", "show", letter) for letter in letters),
        ("show", "a\x1b[31m"), ("why", "a\x1b[31m"), ("users", "sessions", EVIL), ("vault", "get", EVIL, "--yes"),
    ]  # fmt: skip
    for words in calls:
        ended = run(*words)
        assert "Traceback" not in ended.err
        assert_safe(ended.out + ended.err)
