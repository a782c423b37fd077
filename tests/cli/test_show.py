"""`flowledger show`: lists that are only a part say so and go on; dead letters about an id are told."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from typing import Any, Final

import pytest
from sqlalchemy import text

from flowledger.domain.settings import Settings
from flowledger.storage.ledger.dead_letters import DeadLetterRepository
from flowledger.storage.unit_of_work import Storage
from tests.builders import ABSENT, raw
from tests.cli.calling import Ended, Flowledger
from tests.storage.recording import record

Run = Callable[..., Ended]
COUNT: Final = 25


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough here."""
    return sqlite_url


@pytest.fixture
def show(flowledger: Flowledger, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `flowledger show …`."""
    assert settings.database_url is not None
    monkeypatch.setenv("DATABASE_URL", settings.database_url.get_secret_value())

    def run(*arguments: str) -> Ended:
        return flowledger("show", *arguments)

    return run


def moment(number: int) -> str:
    return f"2026-01-31T12:00:{number:02}Z"


LISTS: Final[dict[str, list[bytes]]] = {
    "nodes": [raw("node.started", subject="s", node=f"item_{n:02}") for n in range(COUNT)],
    "tasks": [
        raw("execution.created", subject="s"),
        *(raw("task.created", subject=f"item_{n:02}", execution_id="s", time=moment(n)) for n in range(COUNT)),
    ],
    "deliveries": [raw("message.sent", subject="s", to_sandbox_ids=[f"item_{n:02}" for n in range(COUNT)])],
    "sandboxes": [
        raw("workspace.created", subject="s"),
        *(raw("sandbox.created", subject=f"item_{n:02}", workspace_id="s", time=moment(n)) for n in range(COUNT)),
    ],
    "thread": [raw("message.sent", subject=f"item_{n:02}", thread_id="s", time=moment(n)) for n in range(COUNT)],
    "metrics": [raw("metric.recorded", subject="s", name=f"item_{n:02}", time=moment(n)) for n in range(COUNT)],
    "audit": [raw("audit.logged", subject="s", action=f"item_{n:02}", time=moment(n)) for n in range(COUNT)],
    "log": [raw("task.logged", subject="s", message=f"item_{n:02}", time=moment(n)) for n in range(COUNT)],
}


def items(ended: Ended) -> list[str]:
    """Each item that is shown, once, in order."""
    return list(dict.fromkeys(re.findall(r"item_\d\d", ended.out)))


@pytest.mark.parametrize("name", LISTS)
def test_a_list_goes_on_until_all_of_it_was_shown(show: Run, storage: Storage, name: str) -> None:
    record(storage, *LISTS[name])
    seen: list[str] = []
    shown = show("s", "--limit", "10", "--tail", "10")
    while True:
        assert shown.code == 0
        seen += items(shown)
        onward = re.search(r"flowledger show (s --after \S+);", shown.out)
        if onward is None:
            break
        assert f"of {COUNT}" in shown.out
        assert "by SQL: " in shown.out
        shown = show(*shlex.split(onward[1]), "--limit", "10", "--tail", "10")
    assert sorted(seen) == [f"item_{n:02}" for n in range(COUNT)]


@pytest.mark.parametrize("name", LISTS)
def test_programs_are_told_the_same(show: Run, storage: Storage, name: str) -> None:
    record(storage, *LISTS[name])
    shown = show("s", "--json", "--limit", "10", "--tail", "10").json
    assert (len(shown[name]), shown["totals"][name]) == (10, COUNT)
    more = show("s", "--json", "--limit", "10", "--tail", "10", "--after", shown["next"][name]).json
    assert len(more[name]) == 10
    assert not [one for one in more[name] if one in shown[name]]
    whole = show("s", "--json").json
    assert (len(whole[name]), whole["totals"][name], whole["next"]) == (COUNT, COUNT, {})


def test_of_a_long_log_the_last_lines_are_shown_in_their_order(show: Run, storage: Storage) -> None:
    record(storage, *(raw("task.logged", subject="s", message=f"line {n}", time=ABSENT) for n in range(300)))
    record(storage, raw("task.logged", subject="s", message="the end", time="2099-01-01T00:00:00Z"))
    shown = show("s")
    assert "Log: the last 200 of 301" in shown.out
    assert shown.out.index("the end") > shown.out.rindex("line ")
    assert "the end" in show("s", "--tail", "1").out
    assert "line" not in show("s", "--tail", "1").out.split("Log")[1].split("the lines before")[0]


def test_a_list_that_is_whole_says_nothing_of_it(show: Run, storage: Storage) -> None:
    record(storage, *LISTS["tasks"])
    assert "--after" not in show("s").out
    assert " of " not in show("s").out


@pytest.mark.parametrize("after", ["rubbish", "tasks", "tasks:rubbish", "owls:x"])
def test_what_is_no_place_in_a_list_is_told(show: Run, storage: Storage, after: str) -> None:
    record(storage, *LISTS["tasks"])
    done = show("s", "--after", after)
    assert (done.code, "start again without" in done.err) == (1, True)


# --- dead letters


def letter_id(storage: Storage) -> str:
    with storage.reading() as connection:
        return DeadLetterRepository(connection).listed().items[0].id


def test_a_conflict_is_told_where_nothing_is_recorded(show: Run, storage: Storage) -> None:
    record(storage, raw("task.completed", id="1", source="/readme/shell", subject="theirs"))
    record(storage, raw("task.completed", id="1", source="/readme/shell", subject="mine"), start=2)
    done = show("mine")
    assert done.code == 1
    assert "error: nothing recorded has the id 'mine', but 1 dead letter about it: " in done.err
    assert f"flowledger dead-letters replay {letter_id(storage)} --set id=" in " ".join(done.out.split())
    assert show("theirs").code == 0


@pytest.mark.parametrize("by", ["subject", "event", "own id"])
def test_a_dead_letter_is_found_by_each_of_its_ids(show: Run, storage: Storage, by: str) -> None:
    record(storage, raw("task.failed", subject="the_task", id="the_event", error=ABSENT))
    done = show({"subject": "the_task", "event": "the_event", "own id": letter_id(storage)}[by])
    assert done.code == 1
    assert letter_id(storage) in done.out
    assert "to mend: flowledger dead-letters replay" in done.out


def test_what_is_recorded_is_shown_with_the_open_dead_letters_about_it(show: Run, storage: Storage) -> None:
    record(storage, raw("task.started", subject="t"), raw("task.failed", subject="t", error=ABSENT))
    done = show("t")
    assert done.code == 0
    assert "running" in done.out
    assert "Dead letters about it: 1" in done.out
    with storage.engine.begin() as connection:
        connection.execute(text("UPDATE dead_letters SET status = 'discarded'"))
    assert "Dead letters" not in show("t").out


def test_programs_are_told_of_dead_letters_too(show: Run, storage: Storage) -> None:
    record(storage, *(raw("task.failed", subject="t", error=ABSENT) for _ in range(12)))
    done = show("t", "--json")
    shown: dict[str, Any] = json.loads(done.out)
    assert done.code == 1
    assert (len(shown["dead_letters"]), shown["totals"]["dead_letters"], shown["task"]) == (10, 12, None)
    assert shown["dead_letters"][0]["subject"] == "t"
    assert "all of them: flowledger dead-letters list --status all --subject t" in show("t").out


def test_dead_letters_are_listed_by_subject(show: Run, flowledger: Flowledger, storage: Storage) -> None:
    record(storage, raw("task.failed", subject="t1", error=ABSENT), raw("task.failed", subject="t2", error=ABSENT))
    found = flowledger("dead-letters", "list", "--subject", "t2", "--json").json
    assert (found["total"], [one["subject"] for one in found["dead_letters"]]) == (1, ["t2"])
    assert "2 open" in flowledger("dead-letters", "list").out
