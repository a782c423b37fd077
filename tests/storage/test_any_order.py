"""Any order, any number of times, in any batches: the same rows (contract, section 3)."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowledger.storage.unit_of_work import Storage
from tests.builders import histories
from tests.storage.recording import all_rows, count, dead_letters, differences, empty, record, record_batches
from tests.vocabulary import FIELDS

EXAMPLES: Final = 28


@st.composite
def arrivals(draw: st.DrawFn, history: list[bytes]) -> list[list[bytes]]:
    """A history as it may arrive: each event one to three times, written in other ways, in any order, in batches."""
    copies = [(event, draw(st.integers(1, 3))) for event in history]
    arriving = [b" " * copy + event for event, number in copies for copy in range(number)]
    batches: list[list[bytes]] = [[]]
    for event in draw(st.permutations(arriving)):
        if batches[-1] and draw(st.integers(0, 4)) == 0:
            batches.append([])
        batches[-1].append(event)
    return batches


@settings(max_examples=EXAMPLES)
@given(history=histories(), data=st.data())
def test_the_rows_are_those_of_the_merge_rule(storage: Storage, history: list[bytes], data: st.DataObject) -> None:
    empty(storage)
    batches = data.draw(arrivals(history))
    outcome = record_batches(storage, batches)
    assert (outcome.recorded, outcome.repeated) == (len(history), sum(map(len, batches)) - len(history))
    assert dead_letters(storage) == []
    assert count(storage, "events") == len(history)
    assert differences(storage) == []


@pytest.mark.parametrize("kind", dict.fromkeys(type_.partition(".")[0] for type_ in FIELDS))
@settings(max_examples=EXAMPLES // 2)
@given(data=st.data())
def test_one_subject_told_by_many_events_has_the_rows_of_the_merge_rule(
    storage: Storage, kind: str, data: st.DataObject
) -> None:
    empty(storage)
    types = [type_ for type_ in FIELDS if type_.startswith(f"{kind}.")]
    history = data.draw(histories(min_size=6, max_size=14, types=types, subjects=("",)))
    record(storage, *history)
    assert differences(storage) == []


@settings(max_examples=EXAMPLES // 4)
@given(history=histories(min_size=2), data=st.data())
def test_a_repeated_batch_changes_nothing(storage: Storage, history: list[bytes], data: st.DataObject) -> None:
    empty(storage)
    record(storage, *history)
    before = all_rows(storage)
    again = record(storage, *data.draw(st.permutations(history)), start=100)
    assert (again.recorded, again.repeated, again.dead) == (0, len(history), 0)
    assert all_rows(storage) == before
