"""Gaps: which numbers are missing where producers number their events."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from flowledger.domain.times import now
from flowledger.storage import tables
from flowledger.storage.ledger.gaps import By, Gap, Gaps, find_gaps
from flowledger.storage.retention import horizons
from flowledger.storage.transactions import snapshot
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.storage.recording import by_hand, empty, record


def numbered(sequence: str | int, subject: str = "t1", source: str = "/s") -> bytes:
    return raw("task.started", subject=subject, source=source, attributes={"sequence": sequence})


def gaps(storage: Storage, **asked: Any) -> Gaps:
    with snapshot(storage) as connection:
        return find_gaps(connection, **asked)


def test_a_source_in_which_no_number_stands_at_two_subjects_has_one_counter(storage: Storage) -> None:
    record(
        storage, numbered("1", "t1"), numbered("1", "t1"), numbered("2", "t2"), numbered("5", "t1"), numbered("7", "t2")
    )
    found = gaps(storage)
    told = [(one.by, one.counters, one.events, one.repeated, one.missing) for one in found.sources]
    assert told == [(By.SOURCE, 1, 5, 1, 3)]
    assert found.gaps == [Gap("/s", None, 3, 4), Gap("/s", None, 6, 6)]


def test_a_counter_may_go_on_through_all_of_an_execution(storage: Storage) -> None:
    belongs = [raw("task.created", subject=f"{one}/task", execution_id=one) for one in ("e1", "e2")]
    belongs.append(raw("message.sent", subject="e1/message", execution_id="e1"))
    ours = [("e1", 1), ("e1/task", 2), ("e1/message", 3), ("e1", 5), ("e2", 1), ("e2/task", 2)]
    kinds = {"task": "task.started", "message": "message.delivered", "": "execution.started"}
    events = [
        raw(kinds[subject.partition("/")[2]], subject=subject, source="/s", attributes={"sequence": str(number)})
        for subject, number in ours
    ]
    record(storage, *belongs, *events)
    found = gaps(storage)
    assert [(one.by, one.counters, one.missing) for one in found.sources] == [(By.EXECUTION, 2, 1)]
    assert found.gaps == [Gap("/s", "e1", 4, 4)]


def test_else_each_subject_has_a_counter(storage: Storage) -> None:
    record(storage, numbered("1", "t1"), numbered("1", "t2"), numbered("2", "t1"), numbered("3", "t2"))
    found = gaps(storage)
    assert [(one.by, one.counters, one.missing) for one in found.sources] == [(By.SUBJECT, 2, 1)]
    assert found.gaps == [Gap("/s", "t2", 2, 2)]


def test_whose_counters_they_are_can_be_said(storage: Storage) -> None:
    record(storage, numbered("1", "t1"), numbered("2", "t2"), numbered("3", "t1"))
    assert gaps(storage).missing == 0
    assert gaps(storage, by=By.SUBJECT).gaps == [Gap("/s", "t1", 2, 2)]
    record(storage, numbered("1", "t2"), numbered("5", "t2"), start=10)
    forced = gaps(storage, by=By.SOURCE)
    assert forced.gaps == [Gap("/s", None, 4, 4)]
    assert forced.sources[0].repeated == 1


def test_numbers_count_by_value_and_may_be_very_large(storage: Storage) -> None:
    huge = 10**3999 - 3
    record(storage, numbered("009"), numbered(10), numbered(str(huge)), numbered(str(huge + 2)), numbered("0"))
    assert gaps(storage).gaps == [
        Gap("/s", None, 1, 8),
        Gap("/s", None, 11, huge - 1),
        Gap("/s", None, huge + 1, huge + 1),
    ]


def test_other_sequences_are_no_numbers(storage: Storage) -> None:
    texts = ["a", "-1", "1.0", "1e3", "\uff11", "1\n", "9" * 5000, "٣"]
    record(storage, *(numbered(text) for text in texts), raw("task.started"))
    assert gaps(storage) == Gaps()


def test_a_counter_may_be_known_to_begin_at_a_number(storage: Storage) -> None:
    record(storage, numbered("3"), numbered("4"), numbered("1", source="/other"))
    assert gaps(storage).missing == 0
    assert gaps(storage, start=1).gaps == [Gap("/s", None, 1, 2)]
    assert gaps(storage, start=4).gaps == []


def test_one_source_can_be_asked_for(storage: Storage) -> None:
    record(storage, numbered("1", source="/a"), numbered("3", source="/a"), numbered("1", source="/b"))
    assert [one.source for one in gaps(storage, source="/a").sources] == ["/a"]
    assert gaps(storage, source="/b").gaps == []


def test_only_so_many_ranges_are_given_but_all_are_counted(storage: Storage) -> None:
    record(storage, *(numbered(str(number)) for number in range(0, 100, 2)))
    found = gaps(storage, most=5)
    assert (len(found.gaps), found.ranges, found.missing) == (5, 49, 49)


def test_dead_letters_that_may_hold_the_missing_event_are_told(storage: Storage) -> None:
    broken = raw("task.started", source="/s", attributes={"sequence": "2", "subject": ""})
    record(storage, numbered("1"), broken, numbered("3"))
    assert [(one.missing, one.dead_letters) for one in gaps(storage).sources] == [(1, 1)]


@pytest.mark.parametrize("by", By)
@settings(max_examples=15)
@given(numbers=st.lists(st.tuples(st.sampled_from(["t1", "t2"]), st.integers(0, 40)), min_size=1, max_size=20))
def test_exactly_what_is_missing_is_told(storage: Storage, by: By, numbers: list[tuple[str, int]]) -> None:
    empty(storage)
    record(storage, *(numbered(number, subject) for subject, number in numbers))
    counters: dict[str | None, set[int]] = {}
    for subject, number in numbers:
        counters.setdefault(None if by is By.SOURCE else subject, set()).add(number)
    missing = {
        (subject, number)
        for subject, seen in counters.items()
        for number in range(min(seen), max(seen))
        if number not in seen
    }
    told = gaps(storage, by=by).gaps
    assert {(gap.counter, number) for gap in told for number in range(gap.first, gap.last + 1)} == missing


def test_numbers_of_an_execution_whose_rows_may_be_gone_are_not_missing(storage: Storage) -> None:
    record(storage, raw("task.created", subject="t", execution_id="e"))
    kinds = (("execution.created", "e"), ("task.started", "t"), ("task.completed", "t"), ("execution.completed", "e"))
    numbers = [
        raw(kind, subject=subject, source="/s", attributes={"sequence": str(number)})
        for number, (kind, subject) in enumerate(kinds)
    ]
    twice = raw("execution.created", subject="e2", source="/s", attributes={"sequence": "1"})
    record(storage, *numbers, twice, start=10)
    assert gaps(storage).missing == 0
    by_hand(storage, delete(tables.tasks), delete(tables.executions))
    with storage.writing() as connection:
        horizons.move(connection, "rows", now() + timedelta(days=1), at=now())
    found = gaps(storage)
    assert (found.missing, found.unknown) == (0, 2)
