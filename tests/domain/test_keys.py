"""Keys as text sort as the contract's tuples do (section 3); the tuples are the oracle's."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import combinations, product
from typing import Any, Final

from hypothesis import example, given
from hypothesis import strategies as st

from flowledger.domain.envelope import parse
from flowledger.domain.keys import event_key, owner_of
from flowledger.domain.statuses import RANKS, Status
from tests import oracle
from tests.builders import SEQUENCE_NUMBERS, SEQUENCES, SOURCES, events, raw

NOW: Final = datetime(2026, 1, 31, tzinfo=UTC)
ODD: Final = st.text("\x01\x02\x03a\ud7ff\ue000\U0001f600", min_size=1, max_size=4)
ODDER: Final = st.text("\x00\x01\x02\x030a\ud7ff\ud800\udfff\ue000\U0001f600", min_size=1, max_size=4)


def text_key(body: bytes) -> str:
    """The key as the databases compare it."""
    event = parse(body)
    rank = RANKS[event.data.status] if isinstance(event.data.status, Status) else 0
    return event_key(event.data.attempt, rank, event.order)


def tuple_key(body: bytes) -> tuple[Any, ...]:
    """The key as the contract has it."""
    return oracle.event_key(oracle.read(oracle.Recorded(body.decode(), NOW)))


def agree(one: bytes, other: bytes) -> bool:
    """Whether both forms of the key put two events in the same order, and find the same ones equal."""
    texts, tuples = (text_key(one), text_key(other)), (tuple_key(one), tuple_key(other))
    return (texts[0] < texts[1], texts[0] == texts[1]) == (tuples[0] < tuples[1], tuples[0] == tuples[1])


def sequenced(sequence: str, **arguments: Any) -> bytes:
    """An event with a sequence given as JSON text."""
    body = raw("task.logged", attributes={"sequence": "here"}, **arguments)
    return body.replace(b'"here"', sequence.encode())


@given(events("1"), events("2"))
def test_any_two_events_are_in_the_contracts_order(one: bytes, other: bytes) -> None:
    assert agree(one, other)


def test_all_kinds_of_sequences_are_in_the_contracts_order() -> None:
    literals = ["null", *SEQUENCE_NUMBERS, *map(json.dumps, SEQUENCES)]
    bodies = [sequenced(literal, id=id_) for literal, id_ in product(literals, ("\x01", "a", "\ud7ff", "\ue000"))]
    assert [pair for pair in combinations(bodies, 2) if not agree(*pair)] == []


def test_all_kinds_of_times_and_sources_are_in_the_contracts_order() -> None:
    times = (
        None,
        "0001-01-01T00:00:00Z",
        "0999-01-01T00:00:00Z",
        "2026-01-31T12:00:00Z",
        "2026-01-31T12:00:00.000001Z",
    )
    bodies = [raw("task.logged", time=time, source=source, id="x") for time, source in product(times, SOURCES)]
    assert [pair for pair in combinations(bodies, 2) if not agree(*pair)] == []


@given(ODDER, ODDER, ODD, ODD)
@example("\x00", "\x01", "a", "b")
@example("a", "a\x00", "\ud7ff", "\x01")
@example("\ud7ff", "\ud800", "a", "a")
@example("\udfff", "\ue000", "a", "a")
def test_no_text_is_mistaken_for_the_end_of_another(one: str, other: str, source: str, id_: str) -> None:
    assert agree(
        sequenced(json.dumps(one), source=source, id=id_, time=None),
        sequenced(json.dumps(other), source=id_, id=source, time=None),
    )


@given(ODD, ODD, ODD, ODD)
def test_source_and_id_are_told_apart(source: str, id_: str, other_source: str, other_id: str) -> None:
    assert agree(raw("task.logged", source=source, id=id_), raw("task.logged", source=other_source, id=other_id))


@given(events("1"))
def test_a_key_tells_whose_it_is(body: bytes) -> None:
    event = parse(body)
    assert owner_of(text_key(body)) == (event.source, event.id)


@given(ODDER | st.integers(0, 10**30).map(str) | st.none(), ODD, ODD, st.integers(1, 2**63 - 1))
def test_a_key_of_odd_parts_tells_whose_it_is(sequence: str | None, source: str, id_: str, attempt: int) -> None:
    body = sequenced(json.dumps(sequence), source=source, id=id_, attempt=attempt)
    assert owner_of(text_key(body)) == (source, id_)


@given(st.integers(0, 10**30), st.integers(0, 10**30), st.integers(0, 30), st.integers(0, 30))
def test_digits_sort_by_value(one: int, other: int, zeros: int, other_zeros: int) -> None:
    assert agree(sequenced(f'"{"0" * zeros}{one}"', id="x"), sequenced(f'"{"0" * other_zeros}{other}"', id="x"))


@given(st.integers(1, 2**63 - 1), st.integers(1, 2**63 - 1))
def test_attempts_sort_by_value(one: int, other: int) -> None:
    assert agree(raw("task.started", attempt=one, id="x"), raw("task.started", attempt=other, id="x"))


def test_a_key_holds_nothing_that_postgresql_cannot() -> None:
    key = text_key(sequenced(json.dumps("".join(SEQUENCES)), source="/\x01\x02\ud7ff", id="\ud7ff"))
    assert "\x00" not in key
    assert key.encode("utf-8").decode("utf-8") == key
