"""Finding dead letters: by filters, by the beginning of an id, page by page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from flowledger.domain.errors import Reason
from flowledger.domain.records import DeadLetter
from flowledger.domain.statuses import DeadLetterStatus
from flowledger.storage.ledger.dead_letters import ALL, DeadLetterFilter, DeadLetterRepository, NoDeadLetter
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.storage.recording import dead_letters, record


@pytest.fixture
def letters(storage: Storage) -> list[DeadLetter]:
    """Six, a minute apart; the last two are closed."""
    for number, body in enumerate(
        (
            b"words",
            raw("task.exploded", source="/a"),
            raw("task.progressed", source="/a", progress=2),
            raw("task.progressed", source="/b\x00", progress=2),
            b"more words",
            raw("task.progressed", source="/b", progress=3),
        )
    ):
        record(storage, body, start=number + 1)
    found = dead_letters(storage)
    with storage.writing() as connection:
        for minutes, one in enumerate(found):
            moved = {"id": one.id, "at": found[0].first_seen.replace(tzinfo=None) + timedelta(minutes=minutes)}
            connection.execute(text("UPDATE dead_letters SET first_seen = :at WHERE id = :id"), moved | _adapted(moved))
        DeadLetterRepository(connection).close([found[4].id], DeadLetterStatus.DISCARDED)
        DeadLetterRepository(connection).close([found[5].id], DeadLetterStatus.REPLAYED)
    return dead_letters(storage)


def _adapted(moved: dict[str, Any]) -> dict[str, str]:
    return {"at": moved["at"].isoformat(" ", "microseconds")}


def places(storage: Storage, letters: list[DeadLetter], only: DeadLetterFilter) -> list[int]:
    """Which of `letters` the filter leaves; counts and lists agree."""
    with storage.reading() as connection:
        repository = DeadLetterRepository(connection)
        found = repository.oldest(only).items
        assert repository.count_of(only) == len(found)
        assert [one.id for one in repository.listed(only).items] == [one.id for one in found]
    return [letters.index(one) for one in found]


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        (DeadLetterFilter(), [0, 1, 2, 3]),
        (ALL, [0, 1, 2, 3, 4, 5]),
        (DeadLetterFilter(status=DeadLetterStatus.DISCARDED), [4]),
        (DeadLetterFilter(reason=Reason.NOT_JSON), [0]),
        (DeadLetterFilter(reason=Reason.NOT_JSON, status=None), [0, 4]),
        (DeadLetterFilter(type="task.progressed"), [2, 3]),
        (DeadLetterFilter(source="/a"), [1, 2]),
        (DeadLetterFilter(source="/b\x00"), [3]),
        (DeadLetterFilter(source="/a", type="task.progressed"), [2]),
        (DeadLetterFilter(type="%"), []),
        (DeadLetterFilter(type="\ud800"), []),
    ],
)
def test_all_that_a_filter_says_must_hold(
    storage: Storage, letters: list[DeadLetter], only: DeadLetterFilter, expected: list[int]
) -> None:
    assert places(storage, letters, only) == expected


def test_times_are_from_and_until(storage: Storage, letters: list[DeadLetter]) -> None:
    since, until = letters[1].first_seen, letters[3].first_seen
    assert places(storage, letters, DeadLetterFilter(since=since, until=until)) == [1, 2]
    assert places(storage, letters, DeadLetterFilter(until=since)) == [0]
    assert places(storage, letters, DeadLetterFilter(since=until)) == [3]


def test_a_list_tells_the_size_and_not_the_bytes(storage: Storage, letters: list[DeadLetter]) -> None:
    with storage.reading() as connection:
        listed = DeadLetterRepository(connection).listed(ALL).items
    assert [one.size for one in listed] == [len(one.raw) for one in letters]
    assert not hasattr(listed[0], "raw")


def test_an_id_is_found_by_as_much_of_it_as_no_other_has(storage: Storage, letters: list[DeadLetter]) -> None:
    ids = sorted(one.id for one in letters)
    with storage.reading() as connection:
        find = DeadLetterRepository(connection).full_id
        for id_ in ids:
            needed = next(size for size in range(6, 32) if sum(other.startswith(id_[:size]) for other in ids) == 1)
            assert find(id_[:needed]) == find(id_[5:needed]) == find(id_) == id_


@pytest.mark.parametrize("beginning", ["", "dead_"])
def test_a_beginning_that_several_have_is_refused(storage: Storage, letters: list[DeadLetter], beginning: str) -> None:
    with storage.reading() as connection, pytest.raises(NoDeadLetter, match="more than one"):
        DeadLetterRepository(connection).full_id(beginning)


@pytest.mark.parametrize("beginning", ["dead_x", "task_1", "é", "\x00", "%", "_", "dead_~"])
def test_a_beginning_that_none_has_is_refused(storage: Storage, letters: list[DeadLetter], beginning: str) -> None:
    with storage.reading() as connection, pytest.raises(NoDeadLetter, match="no dead letter has the id"):
        DeadLetterRepository(connection).full_id(beginning)
