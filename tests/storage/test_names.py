"""Names go last, and an event whose name is gone has no effect a second time."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update

from flowledger.domain.envelope import parse
from flowledger.domain.times import written_time
from flowledger.storage import tables
from flowledger.storage.engines.pipeline import CheckpointRow, HorizonMoved
from flowledger.storage.kinds import transaction_of
from flowledger.storage.kinds.metrics import TABLE as METRICS
from flowledger.storage.ledger.checkpoints import CheckpointRepository
from flowledger.storage.ledger.gaps import find_gaps
from flowledger.storage.ledger.totals import EventTotals
from flowledger.storage.retention import departed, horizons
from flowledger.storage.retention.holds import lock_holds
from flowledger.storage.retention.names import NamesGone, let_go_names
from flowledger.storage.schema.partitions import make_partitions
from flowledger.storage.transactions import changing
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.verify import verify
from tests.builders import ABSENT, raw
from tests.storage.recording import all_rows, by_hand, dead_letters, empty, record, without_text

EXAMPLES: Final = 8
NOW: Final = datetime(2026, 6, 1, tzinfo=UTC)
OLD: Final = "2026-01-01T00:00:00Z"
YOUNG: Final = "2026-05-31T00:00:00Z"
DAYS: Final = 30
MOMENT: Final = "2026-06-01 00:00:00.000000"
CHECKPOINTS: Final = [CheckpointRow("s", "1-0", MOMENT)]


def let_go(storage: Storage, now: datetime = NOW, most: int = 100, **how: Any) -> NamesGone:
    return let_go_names(storage, now - timedelta(days=DAYS), most=most, clock=lambda _connection: now, **how)


def let_all_go(storage: Storage, now: datetime = NOW) -> int:
    """Two rounds, the second one after the horizon has stood for long enough."""
    first = let_go(storage, now - timedelta(minutes=10))
    return first.names + let_go(storage, now).names


def names(storage: Storage) -> set[str]:
    with storage.reading() as connection:
        return set(connection.execute(select(tables.events.c.id)).scalars())


def recorded_long_ago(storage: Storage, *events: bytes) -> None:
    """Record, and make it long ago; texts and tasks are gone since."""
    record(storage, *events)
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    by_hand(
        storage,
        delete(tables.event_texts),
        delete(tables.task_logs),
        delete(tables.tasks),
        update(tables.events).values(recorded_at=moment),
        # SQLite's last name is a mark, and stays.
        insert(tables.events).values(
            source="/last", id="last", type="workspace.created", subject="w", partition=0, recorded_at=moment,
            meaning=b"last",
        ),
    )  # fmt: skip


def task(id_: str, subject: str = "t", time: str | None = OLD, **more: Any) -> bytes:
    return raw("task.created", id=id_, subject=subject, **{"time": ABSENT if time is None else time} | more)


def test_names_go_when_time_text_and_row_are_gone(storage: Storage) -> None:
    recorded_long_ago(storage, task("gone"), task("timeless", time=None), task("young", time=YOUNG))
    record(storage, task("with text and row", subject="other"))
    assert let_all_go(storage) == 1
    assert names(storage) == {"timeless", "young", "with text and row", "last"}
    with storage.reading() as connection:
        assert departed.read(connection, tables.events) == {"task.created": 1}


def test_names_stay_while_a_text_or_a_row_stands_or_the_subject_is_held(storage: Storage) -> None:
    recorded_long_ago(
        storage, task("row", "a"), task("held", "b"), raw("task.logged", id="line", subject="c", time=OLD)
    )
    with storage.reading() as connection:
        kept = connection.execute(select(tables.events).where(tables.events.c.id == "line")).one()
    record(storage, task("again", "a", YOUNG))
    by_hand(storage, insert(tables.held).values(subject="b"))
    with storage.writing() as connection:
        make_partitions(connection, kept.recorded_at)
    by_hand(storage, insert(tables.event_texts).values(recorded_at=kept.recorded_at, meaning=kept.meaning, raw="{}"))
    assert let_all_go(storage) == 0
    by_hand(storage, delete(tables.event_texts), delete(tables.held), delete(tables.tasks))
    assert let_all_go(storage, NOW + timedelta(hours=1)) == 3


def test_a_call_of_a_webhook_is_told_at_another_time_so_its_name_stays(storage: Storage) -> None:
    call = {"source": "/webhooks/h", "time": OLD}
    recorded_long_ago(storage, task("call", **call), task("fired", source="/flowledger/schedules"))
    assert let_all_go(storage) == 1
    assert names(storage) == {"call", "last"}


def test_the_horizon_stands_for_ten_minutes_before_names_go(storage: Storage) -> None:
    recorded_long_ago(storage, task("1"))
    assert let_go(storage) == let_go(storage, NOW + timedelta(minutes=9)) == NamesGone(0)
    assert let_go(storage, NOW + timedelta(minutes=10)) == NamesGone(1)
    with storage.reading() as connection:
        assert horizons.read(connection)["names"] == NOW + timedelta(minutes=10) - timedelta(days=DAYS)


def test_the_ten_minutes_begin_when_the_horizon_is_moved_however_long_the_walk_before_took(storage: Storage) -> None:
    recorded_long_ago(storage, task("1"), task("2"))
    let_go(storage, NOW - timedelta(hours=1))
    times = [NOW]

    def slow() -> bool:
        times.append(times[-1] + timedelta(minutes=5))
        return True

    wanted = NOW - timedelta(days=DAYS)
    let_go_names(storage, wanted, most=1, clock=lambda _connection: times[-1], go_on=slow)
    assert len(times) > 2
    with storage.reading() as connection:
        moved_at = connection.execute(select(horizons.TABLE.c.moved_at).where(horizons.TABLE.c.what == "names"))
        assert moved_at.scalar_one() == times[-1]


def test_a_round_that_is_over_goes_on_where_it_ended(storage: Storage) -> None:
    recorded_long_ago(storage, *(task(str(number), time=None if number % 2 else OLD) for number in range(10)))
    let_go(storage, NOW - timedelta(hours=1))
    turns = iter([True, True, False])
    assert let_go(storage, most=3, go_on=lambda: next(turns)) == NamesGone(3, is_done=False)
    assert let_go(storage, most=3) == NamesGone(2)
    with storage.reading() as connection:
        assert CheckpointRepository(connection).all() == [] or names(storage)


def test_a_longer_setting_keeps_what_is_not_gone_yet(storage: Storage) -> None:
    recorded_long_ago(storage, task("1"))
    let_go(storage)
    later = NOW + timedelta(hours=1)
    assert let_go_names(storage, later - timedelta(days=300), most=10, clock=lambda _connection: later).names == 0
    assert names(storage) == {"1", "last"}
    with storage.reading() as connection:
        assert horizons.read(connection)["names"] == NOW - timedelta(days=DAYS)


def test_an_event_whose_name_is_gone_is_a_dead_letter_and_no_second_effect(storage: Storage) -> None:
    recorded_long_ago(storage, task("1"), task("2", time=None))
    assert let_all_go(storage) == 1
    before = all_rows(storage)
    again = record(storage, task("1"), task("2", time=None), start=10)
    assert (again.recorded, again.repeated, again.dead) == (0, 1, 1)
    (letter,) = dead_letters(storage)
    assert (letter.reason, letter.field, "--beyond-horizon" in letter.detail) == ("too_old", "time", True)
    after = all_rows(storage)
    assert (after["tasks"], after["task_logs"]) == (before["tasks"], before["task_logs"])
    assert record(storage, task("3", time=YOUNG), start=20).recorded == 1


def test_what_is_known_from_before_the_horizon_is_a_repeat_or_a_conflict(storage: Storage) -> None:
    record(storage, task("1"), task("2"))
    let_all_go(storage)
    again = record(storage, task("1"), task("2", priority=3), start=10)
    assert (again.repeated, again.dead) == (1, 1)
    assert [letter.reason for letter in dead_letters(storage)] == ["conflict"]


def test_a_batch_in_memory_that_knows_no_horizon_is_refused_by_the_database(storage: Storage) -> None:
    recorded_long_ago(storage, task("1"))
    assert storage.bound() == ""
    assert let_all_go(storage) == 1
    unit = storage.unit_of_work()
    unit.add(transaction_of(parse(task("1")), 0, MOMENT))
    with pytest.raises(HorizonMoved):
        unit.flush(CHECKPOINTS, "")
    assert names(storage) == {"last"}


def test_a_recorder_that_is_refused_asks_again(storage: Storage) -> None:
    recorded_long_ago(storage, task("1"))
    storage.bound()
    assert let_all_go(storage) == 1
    again = record(storage, task("1"), task("2", time=YOUNG), start=10)
    assert (again.recorded, again.dead) == (1, 1)


def test_the_horizon_may_move_for_a_day_before_a_batch_is_refused(storage: Storage) -> None:
    let_go(storage)
    bound = storage.bound()
    for hours, is_refused in ((23, False), (25, True)):
        let_go(storage, NOW + timedelta(hours=hours))
        unit = storage.unit_of_work()
        unit.add(transaction_of(parse(task(str(hours), time=YOUNG)), 0, MOMENT))
        with pytest.raises(HorizonMoved) if is_refused else nullcontext():
            unit.flush(CHECKPOINTS, bound)
    assert names(storage) == {"23"}


def test_counters_never_fall_and_all_processes_tell_the_same(storage: Storage) -> None:
    recorded_long_ago(storage, task("1"), task("2"), task("3", time=None))
    totals = EventTotals(storage)
    assert totals.look() == {"task.created": 3, "workspace.created": 1}
    assert let_all_go(storage) == 2
    record(storage, task("4", time=YOUNG), start=10)
    assert totals.look() == EventTotals(storage).look() == {"task.created": 4, "workspace.created": 1}


def test_names_that_came_and_went_between_two_looks_are_counted(storage: Storage) -> None:
    totals = EventTotals(storage)
    record(storage, task("0", time=YOUNG))
    totals.look()
    recorded_long_ago(storage, task("1"))
    let_all_go(storage, datetime.now(UTC) + timedelta(days=DAYS + 1))
    assert totals.look() == EventTotals(storage).look()


@given(data=st.data())
@settings(max_examples=EXAMPLES)
def test_nothing_has_an_effect_twice_whatever_goes_in_between(storage: Storage, data: Any) -> None:
    empty(storage)
    horizon = NOW - timedelta(days=DAYS)
    moments = st.integers(-3, 3).map(lambda hours: written_time(horizon + timedelta(hours=hours)))
    events: list[Mapping[str, Any]] = [
        {"id": f"e{place}", "subject": f"t{place % 3}", "time": time}
        for place, time in enumerate(data.draw(st.lists(st.one_of(st.none(), moments), min_size=3, max_size=8)))
    ]
    clock, took = NOW, set[str]()
    for turn in range(data.draw(st.integers(2, 5))):
        for one in data.draw(st.lists(st.sampled_from(events), max_size=8)):
            body = raw("task.created", id=one["id"], subject=one["subject"], time=one["time"] or ABSENT)
            outcome = record(storage, body, start=turn * 100 + 1)
            assert not (outcome.recorded and one["id"] in took), "recorded a second time"
            took |= {one["id"]} if outcome.recorded else set()
        if data.draw(st.booleans()):
            by_hand(storage, update(tables.events).values(recorded_at=horizon - timedelta(days=1)))
            by_hand(storage, delete(tables.event_texts), delete(tables.tasks))
        clock += data.draw(
            st.sampled_from((timedelta(0), timedelta(minutes=10), timedelta(hours=2), timedelta(days=2)))
        )
        let_go(storage, clock, most=2)
    letters = [letter.reason for letter in dead_letters(storage)]
    assert set(letters) <= {"too_old"}
    counted = EventTotals(storage).look().get("task.created", 0)
    assert counted == len(took)


def test_names_of_what_is_being_held_at_the_moment_stay(postgresql_storage: Storage) -> None:
    recorded_long_ago(postgresql_storage, task("held"))
    let_go(postgresql_storage, NOW - timedelta(minutes=10))
    going = threading.Thread(target=let_go, args=(postgresql_storage,))
    with changing(postgresql_storage) as connection:
        lock_holds(connection)
        connection.execute(insert(tables.held).values(subject="t"))
        going.start()
        going.join(0.5)
    going.join()
    assert "held" in names(postgresql_storage)


def test_numbers_whose_names_may_be_gone_are_not_missing(storage: Storage) -> None:
    def numbered(number: int, time: str | None = OLD) -> bytes:
        return task(str(number), f"t{number}", time, attributes={"sequence": str(number)})

    recorded_long_ago(storage, numbered(2, None), numbered(3), numbered(4))
    record(storage, numbered(7, YOUNG), numbered(9, YOUNG))
    with storage.reading() as connection:
        assert find_gaps(connection).missing == 3
    assert let_all_go(storage) == 2
    with storage.reading() as connection:
        found = find_gaps(connection, start=1)
    assert (found.missing, found.unknown) == (1, 5)


def test_sums_before_the_horizon_are_not_judged(storage: Storage) -> None:
    measured = raw("metric.recorded", id="1", subject="m", time=OLD)
    record(storage, measured, raw("metric.recorded", id="2", subject="m", time=YOUNG))
    sums = [all_rows(storage)[name] for name in ("metric_hours", "metric_days")]
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    is_old = tables.events.c.id == "1"
    by_hand(
        storage, without_text("1"), delete(METRICS).where(METRICS.c.event_id == "1"),
        update(tables.events).where(is_old).values(recorded_at=moment),
    )  # fmt: skip
    assert let_all_go(storage) == 1
    report = verify(storage, mend=True)
    assert (report.differences, report.gone_subjects) == (0, 1), report.first
    assert [all_rows(storage)[name] for name in ("metric_hours", "metric_days")] == sums
