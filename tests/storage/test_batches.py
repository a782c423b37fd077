"""Many transactions at once: one that is refused, very large ones, any fields, two workers on the same events."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Sequence
from itertools import combinations
from typing import Any, Final

import pytest

from flowledger.domain import events as say
from flowledger.domain.envelope import Event, parse
from flowledger.domain.limits import Limits
from flowledger.storage.engines import postgresql
from flowledger.storage.kinds import EVENT_HANDLERS, transaction_of
from flowledger.storage.kinds import tasks as kind
from flowledger.storage.ledger.checkpoints import CheckpointRepository
from flowledger.storage.merge.writes import Write
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.entries import Entry
from flowledger.workers.recorder import Recorded, Recorder
from tests.builders import entries, raw
from tests.storage.recording import count, dead_letters, differences, record, record_entry, recorder, row

MEBIBYTE: Final = 2**20
HANDLERS: Final[dict[Any, Any]] = EVENT_HANDLERS


def tasks(number: int, **data: Any) -> list[bytes]:
    return [raw("task.created", subject=f"task_{place}", name=str(place), **data) for place in range(number)]


def breaking(value: Any) -> tuple[Any, ...]:
    """A release that writes a status no table takes (or `value`, whatever the column) where a task starts."""

    def write(event: Event, recorded_at: str) -> Write:
        write = kind.start(event, recorded_at)
        write.values[write.values.index("running")] = value
        return write

    return (write,)


# --- an event that the database refuses


@pytest.mark.parametrize("value", ["exploded", "x" * 100])
@pytest.mark.parametrize("place", [0, 2, 5])
def test_an_event_that_the_database_refuses_does_not_stop_the_others(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, value: str, place: int
) -> None:
    monkeypatch.setitem(HANDLERS, say.TaskStarted, breaking(value))
    batch = tasks(5)
    batch.insert(place, raw("task.started", id="bad", subject="task_bad"))
    outcome = record(storage, *batch)
    assert outcome.dead == 1
    assert count(storage, "events") == count(storage, "tasks") == 5
    (letter,) = dead_letters(storage)
    assert (letter.reason, letter.raw, letter.event_id) == ("unrecordable", batch[place], "bad")
    assert differences(storage) == []


def test_the_others_of_such_a_batch_are_counted_once(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(HANDLERS, say.TaskStarted, breaking("exploded"))
    known, *new = tasks(4)
    record(storage, known)
    outcome = record(storage, known, *new, raw("task.started", id="bad"), start=2)
    assert (outcome.recorded + outcome.repeated, outcome.dead) == (4, 1)


def test_an_event_that_was_refused_can_be_recorded_after_the_cause_is_mended(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = raw("task.started")
    with monkeypatch.context() as release:
        release.setitem(HANDLERS, say.TaskStarted, breaking("exploded"))
        record(storage, body)
    assert record(storage, dead_letters(storage)[0].raw, start=2) == Recorded(recorded=1)
    assert row(storage, "tasks", "task_1")["status"] == "running"


def test_the_connection_that_was_refused_is_used_again(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as release:
        release.setitem(HANDLERS, say.TaskStarted, breaking("exploded"))
        record(storage, raw("task.started"), *tasks(3))
    assert record(storage, *tasks(3), start=9).dead == 0


# --- large ones


def test_a_batch_of_many_round_trips_is_recorded_whole(storage: Storage) -> None:
    large = tasks(12, input="é" * (MEBIBYTE // 2 - 1000))
    assert record(storage, *large) == Recorded(recorded=12)
    assert differences(storage) == []


def test_events_known_in_every_round_trip_are_told(storage: Storage) -> None:
    large = tasks(12, input="x" * (MEBIBYTE - 1000))
    record(storage, *large[::2])
    assert record(storage, *large, start=100) == Recorded(recorded=6, repeated=6)


def wide(storage: Storage) -> Recorder:
    """A recorder that keeps dead letters of 20 MiB as a whole."""
    return Recorder(storage, Limits(), most_bytes=20 * MEBIBYTE)


def _recorded(outcome: Recorded) -> tuple[int, int]:
    return outcome.recorded, outcome.dead


@pytest.mark.parametrize("place", [0, 1, 3])
def test_a_dead_letter_larger_than_a_round_trip_is_kept_among_the_others(storage: Storage, place: int) -> None:
    batch = tasks(3)
    batch.insert(place, b"\xff" * (9 * MEBIBYTE))
    assert _recorded(wide(storage).record(entries(batch))) == (3, 1)
    assert dead_letters(storage)[0].raw == batch[place]


def test_an_entry_of_20_mebibytes_is_kept_if_the_settings_allow_it(storage: Storage) -> None:
    body = b"\x00" * (20 * MEBIBYTE)
    assert _recorded(wide(storage).record([Entry("1-0", (b"event", body))])) == (0, 1)
    assert dead_letters(storage)[0].raw == body


def test_fields_whose_json_is_too_long_are_kept_in_part(storage: Storage) -> None:
    fields = b"a", b"\xff" * MEBIBYTE, b"b", b"x"
    assert record_entry(storage, *fields) == Recorded(dead=1)
    (letter,) = dead_letters(storage)
    whole = b"".join(fields)
    assert (letter.raw, letter.reason) == (whole[:MEBIBYTE], "too_large")
    assert hashlib.sha256(whole).hexdigest() in letter.detail


# --- the fields that an event carries make no statement of their own


def shapes(number: int) -> list[bytes]:
    """Events of as many combinations of fields."""
    fields = [name for name in say.TaskUpdated.described_fields() if name != "priority"]
    chosen = [names for size in (2, 3, 4) for names in combinations(sorted(fields), size)][:number]
    return [raw("task.updated", **dict.fromkeys(names, "x"), subject=f"t{place}") for place, names in enumerate(chosen)]


def test_events_of_one_type_have_one_statement_whatever_they_carry(storage: Storage) -> None:
    writes = {write.shape for body in shapes(330) for write in transaction_of(parse(body), 0, "now").writes}
    assert len(writes) == 1
    assert record(storage, *shapes(330)) == Recorded(recorded=330)
    assert differences(storage) == []


def test_statements_that_a_connection_forgot_are_prepared_anew(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "_MAX_PREPARED", 4)
    kinds = ("task.created", "task.updated", "task.started", "task.completed", "task.logged", "execution.started")
    for turn in range(3):
        record(storage, *(raw(kind, id=f"{turn} {kind}", subject="t1") for kind in kinds), start=1000 * turn + 1)
    assert count(storage, "events") == 3 * len(kinds)
    assert differences(storage) == []


# --- the checkpoint


def test_the_checkpoint_is_the_last_entry_even_where_nothing_was_new(storage: Storage) -> None:
    batch = tasks(3)
    reached = []
    for start in (1, 50):
        recorder(storage, shard=3).record(entries(batch, start))
        with storage.reading() as connection:
            checkpoint = CheckpointRepository(connection).get("ledger:events:3")
        assert checkpoint is not None
        reached.append(checkpoint.entry_id)
    assert reached == ["3-0", "52-0"]


# --- two at once


def in_threads(*batches: Sequence[Sequence[bytes]], storage: Storage) -> Recorded:
    """Records several lists of batches, each in a thread of its own, all starting at once."""
    outcomes: list[Recorded] = []
    errors: list[BaseException] = []
    together = threading.Barrier(len(batches))

    def run(mine: Sequence[Sequence[bytes]]) -> None:
        try:
            together.wait()
            outcomes.extend([record(storage, *batch) for batch in mine])
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(mine,)) for mine in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    return sum(outcomes, Recorded())


def mixed_events(number: int) -> list[bytes]:
    """Events of few subjects, so that writers meet at the same rows."""
    types = ("task.created", "task.started", "task.completed", "task.logged", "execution.started", "node.started",
             "node.completed", "execution.logged", "message.sent", "message.delivered")  # fmt: skip
    times = [f"2026-01-31T12:00:{second:02d}Z" for second in range(60)]
    return [
        raw(types[place % len(types)], time=times[place * 7 % 60], attempt=place % 3 + 1) for place in range(number)
    ]


@pytest.mark.parametrize("seed", [1, 2])
def test_two_workers_on_the_same_events_record_each_once(storage: Storage, seed: int) -> None:
    chance = random.Random(seed)
    events = mixed_events(300)
    orders = [chance.sample(events, len(events)) for _ in range(3)]
    batches = [[order[start : start + 40] for start in range(0, len(order), 40)] for order in orders]
    assert in_threads(*batches, storage=storage) == Recorded(recorded=300, repeated=600)
    assert differences(storage) == []


def test_two_workers_with_other_content_for_one_id_record_one_and_bury_the_other(storage: Storage) -> None:
    one, other = ([raw("task.completed", id=str(n), output=name) for n in range(50)] for name in ("one", "other"))
    assert in_threads([one], [other], storage=storage) == Recorded(recorded=50, dead=50)
    assert count(storage, "dead_letters") == 50
    assert differences(storage) == []


def test_two_workers_with_other_events_of_the_same_subjects_do_not_hinder_each_other(storage: Storage) -> None:
    events = mixed_events(400)
    batches = [[events[place::4][start : start + 25] for start in range(0, 100, 25)] for place in range(4)]
    assert in_threads(*batches, storage=storage) == Recorded(recorded=400)
    assert differences(storage) == []
