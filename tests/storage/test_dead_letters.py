"""What cannot be recorded becomes a dead letter: its bytes, the reason, the field at fault (contract, section 2)."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowledger.domain.envelope import parse
from flowledger.domain.errors import Reason, Refused
from flowledger.domain.limits import DEFAULT_LIMITS
from flowledger.storage.ledger.dead_letters import DeadLetterRepository
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.recorder import Recorded
from tests.builders import ABSENT, entries, event, raw, to_bytes
from tests.storage.recording import (
    count,
    dead_letters,
    differences,
    empty,
    record,
    record_batches,
    record_entry,
    recorder,
    row,
)

HEALTHY = 3


def other(event_: bytes) -> bytes:
    """The same `source` and `id` with other content."""
    return to_bytes(json.loads(event_) | {"extension": "other"})


# --- conflicts


def test_the_first_stands_and_another_of_its_name_is_a_conflict(storage: Storage) -> None:
    first, second = raw("task.completed", id="1", output="first"), raw("task.failed", id="1")
    record(storage, first)
    assert record(storage, second, start=2) == Recorded(dead=1)
    assert row(storage, "tasks", "task_1")["output"] == "first"
    (letter,) = dead_letters(storage)
    assert (letter.reason, letter.field, letter.raw, letter.entry_id) == ("conflict", "id", second, "2-0")
    assert (letter.type, letter.source, letter.event_id) == ("task.failed", "/tests", "1")


def test_a_conflict_within_one_batch_is_found(storage: Storage) -> None:
    first, second = raw("task.completed", id="1", output="first"), raw("task.completed", id="1", output="second")
    assert record(storage, first, second) == Recorded(recorded=1, dead=1)
    assert row(storage, "tasks", "task_1")["output"] == "first"


def test_of_three_of_one_name_each_other_one_is_a_conflict_and_the_same_one_is_not(storage: Storage) -> None:
    first, second, third = (raw("task.completed", id="1", output=number) for number in (1, 2, 3))
    assert record(storage, first, second, b" " + first, third) == Recorded(recorded=1, repeated=1, dead=2)
    assert [letter.raw for letter in dead_letters(storage)] == [second, third]


def test_the_same_id_of_another_source_is_another_event(storage: Storage) -> None:
    assert record(storage, raw("task.queued", id="1", source="/a"), raw("task.failed", id="1", source="/b")).dead == 0


@pytest.mark.parametrize(
    ("content", "same"),
    [
        ('{"output": 1, "usage": {"a": 1, "b": 2}}', '{"usage":{"b":2,"a":1},"output":1.0}'),
        ('{"output": "\\u00e9"}', '{"output": "é"}'),
        ('{"output": 1e400}', '{"output": 10e399}'),
    ],
)
def test_contents_are_compared_as_json_values(storage: Storage, content: str, same: str) -> None:
    first = raw("task.completed", id="1", attributes={"data": "here"})
    bodies = [first.replace(b'"here"', data.encode()) for data in (content, same)]
    assert record(storage, *bodies) == Recorded(recorded=1, repeated=1)


@pytest.mark.parametrize(
    ("one", "another"),
    [(1, True), (0, False), (None, 0), ("1", 1), ("\x00", "\ufffd"), ("\ud800", "\ud801")],
    ids=ascii,
)
def test_values_that_are_nearly_the_same_are_a_conflict(storage: Storage, one: object, another: object) -> None:
    bodies = [raw("task.completed", id="1", output=value) for value in (one, another)]
    assert record(storage, *bodies) == Recorded(recorded=1, dead=1)


def test_the_same_conflict_read_again_is_the_same_dead_letter(storage: Storage) -> None:
    first, second = raw("task.completed", id="1"), raw("task.failed", id="1")
    for _ in range(2):
        record(storage, first, second)
    assert count(storage, "dead_letters") == 1


# --- entries that are none


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ((b"data", b"\xff\x00x"), b"\xff\x00x"),
        ((b"event", b"{}", b"event", b"[]"), b'[["event", "{}"], ["event", "[]"]]'),
        ((b"Event", b"{}", b"more", b"x"), b'[["Event", "{}"], ["more", "x"]]'),
        ((b"a", b"\xff", b"b", b"\x00"), b'[["a", "\\udcff"], ["b", "\\u0000"]]'),
    ],
)
def test_an_entry_without_its_one_field_is_kept_whole(storage: Storage, fields: tuple[bytes, ...], kept: bytes) -> None:
    assert record_entry(storage, *fields, entry_id="7-1") == Recorded(dead=1)
    (letter,) = dead_letters(storage)
    assert (letter.reason, letter.field, letter.raw) == ("malformed_entry", "event", kept)
    assert (letter.stream, letter.entry_id, letter.status, letter.attempts) == ("ledger:events:0", "7-1", "open", 1)


def test_further_fields_beside_the_event_are_no_harm(storage: Storage) -> None:
    assert record_entry(storage, b"trace", b"x", b"event", raw("task.started")) == Recorded(recorded=1)


def test_a_dead_letter_tells_what_can_still_be_read(storage: Storage) -> None:
    record(storage, raw("task.exploded", id="1", source="/s"), b"not json", b'{"id": 5, "type": ["x"]}')
    told = [(letter.type, letter.source, letter.event_id) for letter in dead_letters(storage)]
    assert told == [("task.exploded", "/s", "1"), (None, None, None), (None, None, None)]


@pytest.mark.parametrize(
    ("body", "reason", "field"),
    [
        (b"\x00\xff\xfe not json", Reason.NOT_JSON, ""),
        (raw("task.started", subject="\x00"), Reason.INVALID_ENVELOPE, "subject"),
        (raw("task.exploded\x01"), Reason.UNKNOWN_TYPE, "type"),
        (raw("task.progressed", progress=2), Reason.INVALID_DATA, "data.progress"),
        (raw("task.failed", error={"message": "m", "type": 1}), Reason.INVALID_DATA, "data.error.type"),
    ],
)
def test_a_refused_event_is_kept_with_reason_and_field(
    storage: Storage, body: bytes, reason: Reason, field: str
) -> None:
    assert record(storage, body) == Recorded(dead=1)
    (letter,) = dead_letters(storage)
    assert (letter.raw, letter.reason, letter.field) == (body, reason, field)
    assert letter.detail


def test_an_event_that_is_too_large_is_kept_whole(storage: Storage) -> None:
    body = raw("task.completed", output="x" * 5000)
    assert recorder(storage, max_event_bytes=1024).record(entries([body])) == Recorded(dead=1)
    (letter,) = dead_letters(storage)
    assert (letter.reason, letter.raw) == ("too_large", body)


@settings(max_examples=40)
@given(bodies=st.lists(st.binary(max_size=50) | st.text(max_size=20).map(str.encode), min_size=1, max_size=8))
def test_any_bytes_are_kept_exactly(storage: Storage, bodies: list[bytes]) -> None:
    empty(storage)
    assert record(storage, *bodies) == Recorded(dead=len(bodies))
    assert [letter.raw for letter in dead_letters(storage)] == bodies


def test_the_same_entry_read_again_is_the_same_dead_letter(storage: Storage) -> None:
    for _ in range(2):
        record(storage, b"not json")
    record(storage, b"not json", start=2)
    assert [letter.entry_id for letter in dead_letters(storage)] == ["1-0", "2-0"]


def deepest(core: str, brackets: tuple[str, str], type_: str = "task.completed", field: str = "output") -> bytes:
    """An event as deep as may be, with something at the bottom."""
    depth = DEFAULT_LIMITS.max_depth - 3
    value = {"message": "m", "deep": "here"} if field == "error" else {"deep": "here"}
    return raw(type_, **{field: value}).replace(b'"here"', (brackets[0] * depth + core + brackets[1] * depth).encode())


LISTS, OBJECTS = ("[", "]"), ('{"a":', "}")
POISON = {
    "deep brackets": raw("task.completed", output="here").replace(b'"here"', b"[" * 100_000),
    "the deepest list, with a NUL": deepest('"\\u0000"', LISTS),
    "the deepest object, with a NUL": deepest('"\\u0000"', OBJECTS),
    "the deepest list, with a number no double holds": deepest("1e400", LISTS),
    "the deepest object, with a number no double holds": deepest("1e400", OBJECTS),
    "the deepest error": deepest("1e400", LISTS, "task.failed", "error"),
    "the deepest usage": deepest('"\\ud800"', OBJECTS, "task.failed", "usage"),
    "the deepest input": deepest("1e400", OBJECTS, "task.created", "input"),
    "the deepest agent configuration": deepest("1e400", OBJECTS, "sandbox.created", "agent_config"),
    "the deepest connection": deepest('"\\ud800"', LISTS, "sandbox.updated", "connection"),
    "the deepest content": deepest("1e400", OBJECTS, "message.sent", "content"),
    "an exponent": raw("task.completed", output="here").replace(b'"here"', b"1e99999999999999999999"),
    "a number of all the digits there may be": raw("task.completed", output="here").replace(b'"here"', b"-1e131071"),
    "seconds of 400 digits": raw("task.timed_out", timeout_seconds=10**400),
    "digits": raw("task.completed", output="here").replace(b'"here"', b"9" * 10_000),
    "NaN": raw("task.completed", output=float("nan")),
    "surrogates": raw("task.completed", subject="\ud800"),
    "bytes": b"\xff" * 1000,
    "nothing": b"",
}


@pytest.mark.parametrize("poison", POISON)
def test_poison_among_healthy_events_does_not_stop_them(storage: Storage, poison: str) -> None:
    healthy = [raw("task.started", subject=f"healthy_{number}") for number in range(HEALTHY)]
    outcome = record(storage, healthy[0], POISON[poison], *healthy[1:])
    assert outcome.recorded + outcome.dead == HEALTHY + 1
    assert outcome.dead == count(storage, "dead_letters")
    assert [row(storage, "tasks", f"healthy_{number}")["status"] for number in range(HEALTHY)] == ["running"] * HEALTHY


def test_a_dead_letter_can_be_recorded_after_the_cause_is_mended(storage: Storage) -> None:
    body = raw("task.completed", output="x" * 5000)
    recorder(storage, max_event_bytes=1024).record(entries([body]))
    (letter,) = dead_letters(storage)
    assert record(storage, letter.raw, start=2) == Recorded(recorded=1)


def test_the_words_of_a_dead_letter_are_those_of_the_refusal(storage: Storage) -> None:
    body = raw("task.progressed", progress="half")
    with pytest.raises(Refused) as caught:
        parse(body)
    record(storage, body)
    assert dead_letters(storage)[0].detail == str(caught.value)


def test_conflicts_in_many_batches_leave_the_rows_to_the_first(storage: Storage) -> None:
    first = [to_bytes(event("task.queued", id=str(number), subject=f"t{number}")) for number in range(5)]
    outcome = record_batches(storage, [first, [other(body) for body in first], first])
    assert outcome == Recorded(recorded=5, repeated=5, dead=5)
    assert differences(storage) == []


@pytest.mark.parametrize("subject", ["t", "é", "a\x00b", "x" * 2_000])
def test_what_a_dead_letter_is_about_is_kept_also_where_it_is_longer_than_an_id(storage: Storage, subject: str) -> None:
    record(storage, raw("task.failed", subject=subject, id=subject, error=ABSENT))
    (letter,) = dead_letters(storage)
    assert letter.subject == subject.replace("\x00", "\ufffd")
    with storage.reading() as connection:
        letters = DeadLetterRepository(connection)
        assert [one.id for one in letters.about(subject, limit=5)] == [letter.id]
        assert letters.count_about(letter.id) == 1


def test_what_cannot_be_read_is_about_nothing(storage: Storage) -> None:
    record(storage, b"rubbish", b"[]", b'{"subject":7}')
    assert [letter.subject for letter in dead_letters(storage)] == [None, None, None]
