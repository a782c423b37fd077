"""Whatever is recorded, no command sends anything to a terminal that moves its cursor, or turns text around."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

import pytest

from flowledger.domain.errors import DatabaseUnavailable
from flowledger.domain.records import RecordedEvent
from flowledger.storage.kinds import LISTED
from flowledger.storage.ledger.tail import Tail
from flowledger.storage.owned import OwnedRepository
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.cli.calling import Run
from tests.hostile import HOSTILE, record_hostile
from tests.storage.recording import record

HIDDEN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough here."""
    return sqlite_url


def lists() -> list[list[str]]:
    found = []
    for table, repository in LISTED.items():
        owners = repository.owned_by[0] if issubclass(repository, OwnedRepository) else ()
        found.append(["list", table, *(f"--{name.replace('_', '-')}={HOSTILE}" for name in owners)])
    return found


COMMANDS: Final = [
    ["show", HOSTILE],
    ["show", HOSTILE, "--limit", "1", "--tail", "1"],
    ["show", f"{HOSTILE}x"],
    ["show", HOSTILE, "--after", HOSTILE],
    ["show", f"{HOSTILE}x", "--follow"],
    ["why", HOSTILE],
    ["why", HOSTILE, HOSTILE],
    ["why", f"{HOSTILE}x"],
    ["list", HOSTILE],
    ["list", "tasks", "--status", HOSTILE],
    ["list", "tasks", "--agent-id", f"{HOSTILE}x"],
    ["list", "tasks", "--after", HOSTILE],
    ["list", "tasks", "--since", HOSTILE],
    ["list", "agents", "--search", HOSTILE],
    ["dead-letters", "list"],
    ["dead-letters", "list", "--at", HOSTILE],
    ["dead-letters", "show", HOSTILE],
    ["gaps"],
    ["gaps", "--source", HOSTILE],
    ["members"],
    ["members", HOSTILE],
    ["verify"],
    ["hold", "list"],
    ["erase", HOSTILE, "--why", HOSTILE, "--dry-run"],
    ["status"],
    ["top", "--once"],
    ["health"],
    ["metrics", "--listen", HOSTILE],
    ["schema", HOSTILE],
    *lists(),
]


def test_nothing_reaches_a_terminal_as_it_came(run: Run, storage: Storage) -> None:
    record_hostile(storage)
    shown = 0
    letters = run("dead-letters", "list", "--json").json["dead_letters"]
    assert len(letters) >= 6
    for command in (*COMMANDS, *(["dead-letters", "show", letter["id"]] for letter in letters)):
        ended = run(*command)
        assert ended.code in (0, 1, 2), command
        for text in (ended.out, ended.err):
            assert HIDDEN.findall(text) == [], (command, text)
            assert "Traceback" not in text, command
        shown += "alert(1)" in ended.out
    assert shown > 25
    for command in (["show", HOSTILE, "--json"], ["list", "tasks", "--json"], ["dead-letters", "list", "--json"]):
        text = run(*command).out
        assert text.isascii()
        assert json.dumps(HOSTILE)[1:-1] in text, "for programs it is exact"


@pytest.mark.parametrize(("command", "well"), [(["tail"], 1), (["show", "t", "--follow"], 2)])
def test_words_of_a_server_that_is_away_are_shown_as_text(
    run: Run, storage: Storage, monkeypatch: pytest.MonkeyPatch, command: list[str], well: int
) -> None:
    record(storage, raw("task.created", subject="t"))
    looks = 0

    def look(_: Tail) -> Iterator[RecordedEvent]:
        nonlocal looks
        looks += 1
        if looks <= well:
            return
        if looks == well + 1:
            raise DatabaseUnavailable(HOSTILE)
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(Tail, "look", look)
    ended = run(*command)
    assert "waiting for the database: <script>" in ended.err
    assert HIDDEN.findall(ended.err) == []
