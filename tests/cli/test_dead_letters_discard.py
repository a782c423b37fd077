"""`flowledger dead-letters discard --all` asks before it discards, if somebody sits at a terminal."""

from __future__ import annotations

import pytest

from flowledger.storage.unit_of_work import Storage
from tests.cli.calling import Run
from tests.cli.letters import BAD
from tests.cli.terminal import at_a_terminal
from tests.storage.recording import dead_letters, record

ALL = ("dead-letters", "discard", "--all")


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough here."""
    return sqlite_url


@pytest.fixture(autouse=True)
def _servers(run: Run, storage: Storage) -> None:
    """Put the servers of the test into the environment; two dead letters are open."""
    record(storage, BAD, b"words")
    assert run("dead-letters", "list").out.endswith("2 open dead letters\n")


def statuses(storage: Storage) -> set[str]:
    return {letter.status for letter in dead_letters(storage)}


@pytest.mark.parametrize("answer", ["", "n", "No"])
def test_nothing_is_discarded_without_a_yes(storage: Storage, answer: str) -> None:
    code, written = at_a_terminal(*ALL, question="Discard 2 dead letters? [y/N]", answer=answer)
    assert (code, statuses(storage)) == (1, {"open"})
    assert "nothing is discarded" in written


def test_all_are_discarded_after_a_yes(storage: Storage) -> None:
    code, written = at_a_terminal(*ALL, "--why", "a test", question="Discard 2 dead letters? [y/N]", answer="y")
    assert (code, statuses(storage)) == (0, {"discarded"})
    assert "2 discarded" in written


def test_the_question_is_about_those_that_the_filters_leave(storage: Storage) -> None:
    question = "Discard 1 dead letter? [y/N]"
    assert at_a_terminal(*ALL, "--reason", "not_json", question=question, answer="y")[0] == 0
    assert sorted(letter.status for letter in dead_letters(storage)) == ["discarded", "open"]


@pytest.mark.parametrize("arguments", [(*ALL, "--yes"), (*ALL, "--source", "/nobody")])
def test_nothing_is_asked_after_yes_or_if_there_are_none(storage: Storage, arguments: tuple[str, ...]) -> None:
    code, written = at_a_terminal(*arguments)
    assert (code, "[y/N]" in written) == (0, False)
    assert statuses(storage) == ({"discarded"} if "--yes" in arguments else {"open"})


def test_ids_are_discarded_without_a_question(storage: Storage) -> None:
    id_ = dead_letters(storage)[0].id
    code, written = at_a_terminal("dead-letters", "discard", id_)
    assert (code, "[y/N]" in written) == (0, False)


def test_scripts_are_not_asked(run: Run, storage: Storage) -> None:
    done = run(*ALL)
    assert (done.code, done.out) == (0, "2 discarded\n")
    assert statuses(storage) == {"discarded"}
