"""A schedule that is due starts an execution, once, whoever looks; changes take effect at their time."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest

from flowledger.domain.ids import derived_id
from flowledger.storage import tables
from flowledger.storage.kinds.executions import ExecutionRepository
from flowledger.storage.kinds.schedules import ScheduleRepository
from flowledger.storage.ledger.journal import JournalRepository
from tests.services.schedules.world import START, World, at, seconds_of
from tests.storage.recording import count
from tests.waiting import wait_until


def test_a_due_time_starts_an_execution_and_is_reported(world: World) -> None:
    given: dict[str, Any] = {"workflow_id": "wf", "workspace_id": "ws", "user_id": "u", "input": {"n": [1, None, 1.5]}}
    world.says(expression="*/5 * * * *", **given)
    world.passes(seconds=0)
    assert world.due().next_due_at == at(12, 5)
    world.passes(minutes=5)
    assert world.fired() == [at(12, 5)]
    execution = derived_id("exec", b"s", b"2026-03-02T12:05:00Z")
    with world.storage.reading() as connection:
        journal = JournalRepository(connection)
        created = journal.get("/flowledger/schedules", "s:2026-03-02T12:05:00Z")
        fired = journal.get("/flowledger/schedules", "s:2026-03-02T12:05:00Z:fired")
        record = ExecutionRepository(connection).get(execution)
        schedule = ScheduleRepository(connection).get("s")
    assert created is not None
    assert fired is not None
    assert record is not None
    assert schedule is not None
    assert (created.time, created.subject, fired.time, fired.subject) == (at(12, 5), execution, at(12, 5), "s")
    kept = {name: getattr(record, name) for name in (*given, "trigger_type", "status", "created_at")}
    assert kept == given | {"trigger_type": "schedule", "status": "pending", "created_at": at(12, 5)}
    assert (schedule.last_due_at, schedule.last_execution_id) == (at(12, 5), execution)
    world.check()


def test_an_id_that_is_too_long_is_its_hash(world: World) -> None:
    long = "é" * 250
    world.says(subject=long, expression="1m")
    world.passes(seconds=0)
    world.passes(seconds=60)
    world.drain()
    whole = hashlib.sha256(f"{long}:2026-03-02T12:01:00Z".encode()).hexdigest()
    with world.storage.reading() as connection:
        journal = JournalRepository(connection)
        assert journal.get("/flowledger/schedules", whole) is not None
        assert journal.get("/flowledger/schedules", f"{whole}:fired") is not None
    assert count(world.storage, "executions") == 1


def test_nothing_is_done_twice_however_often_one_looks(world: World) -> None:
    world.says(expression="7s")
    world.passes(seconds=0)
    world.watches(60, every=0.5)
    assert seconds_of(world.fired()) == [7, 14, 21, 28, 35, 42, 49, 56]
    world.check()


def test_an_interval_counts_from_its_start_which_is_a_due_time_itself(world: World) -> None:
    world.says(expression="10s", starts_at="2026-03-02T12:00:03.5Z", ends_at="2026-03-02T12:00:34Z")
    world.passes(seconds=0)
    world.watches(60)
    assert seconds_of(world.fired()) == [4, 14, 24], "the first whole second; before the end, not at it"
    assert world.due().next_due_at is None


@pytest.mark.parametrize("off", ["disabled", "deleted"])
def test_what_is_off_is_not_due_and_misses_nothing(world: World, off: str) -> None:
    world.says(expression="10s", missed="all")
    world.passes(seconds=0)
    world.watches(20)
    world.says(off)
    world.watches(30)
    world.says({"disabled": "enabled", "deleted": "restored"}[off])
    world.watches(20)
    assert seconds_of(world.fired()) == [10, 20, 60, 70]


@pytest.mark.parametrize("off", ["disabled", "deleted"])
def test_the_same_if_nobody_looked_meanwhile(world: World, off: str) -> None:
    world.says(expression="1h", missed="all")
    world.passes(seconds=0)
    world.passes(hours=2.5, look=False)
    world.says(off)
    world.passes(hours=2, look=False)
    world.says({"disabled": "enabled", "deleted": "restored"}[off])
    world.passes(hours=2)
    assert [time.hour - 12 for time in world.fired()] == [5, 6], "what was due before it was off has lapsed"


def test_a_change_takes_effect_at_its_time_and_keeps_what_was_due(world: World) -> None:
    world.says(expression="0 * * * *", missed="all")
    world.passes(seconds=0)
    world.passes(minutes=59, seconds=59)
    world.says("updated", expression="*/30 * * * *")
    world.passes(hours=3, look=False)
    world.passes(seconds=0)
    assert world.fired() == [at(13), at(13, 30), at(14), at(14, 30), at(15), at(15, 30)]
    world.says("updated", expression="0 0 1 * *")
    world.passes(seconds=1)
    assert world.due().next_due_at == at(0, day=1, month=4)


def test_a_new_expression_does_not_make_up_for_the_time_before_it(world: World) -> None:
    world.says(expression="0 0 1 1 *", missed="all")
    world.passes(seconds=0)
    world.passes(days=30)
    world.says("updated", expression="0 * * * *")
    world.passes(minutes=90)
    assert len(world.fired()) == 1


def test_a_new_name_or_input_changes_no_due_time(world: World) -> None:
    world.says(expression="10s")
    world.passes(seconds=0)
    world.passes(seconds=10, look=False)
    world.says("updated", name="renamed", input=2)
    world.says("enabled")
    world.passes(seconds=0.5)
    assert seconds_of(world.fired()) == [10]


def test_a_schedule_is_watched_from_when_it_is_known(world: World) -> None:
    world.says("enabled")
    world.passes(seconds=0)
    assert (world.due().next_due_at, world.due().done_until) == (None, None)
    world.says(expression="10s", time=START)
    world.passes(seconds=0)
    assert world.due().next_due_at == START + timedelta(seconds=10)
    world.says("updated", expression=None)
    world.watches(30)
    assert world.fired() == []


def test_events_that_come_late_change_no_due_time(world: World) -> None:
    world.says(expression="10s")
    world.passes(seconds=0)
    world.watches(20)
    world.says("updated", time=START - timedelta(days=1), expression="1s")
    world.says("disabled", time=START - timedelta(days=1))
    world.says("updated", time=START - timedelta(days=1), timezone="Europe/Berlin")
    world.watches(20)
    assert seconds_of(world.fired()) == [10, 20, 21, *range(22, 41)], "an expression of that time, known only now"


def test_several_schedules_of_one_moment_fire_in_steps(world: World) -> None:
    for number in range(600):
        world.says(subject=f"s{number:03}", expression="0 13 * * *")
    world.passes(hours=1)

    def are_all_recorded() -> bool:
        world.passes(seconds=0)  # on a slow machine the time of a turn is over before all have fired
        world.drain()
        return count(world.storage, "executions") == 600

    wait_until(are_all_recorded)
    assert count(world.storage, "schedule_changes") == 0
    world.check()


def test_one_at_a_time(world: World) -> None:
    world.client.set("ledger:scheduler", "another", px=60_000)
    assert world.look() == {"waiting": "another scheduler has the turn"}


def test_what_the_tables_say_of_it_is_none_of_the_journals_business(world: World) -> None:
    world.says(expression="10s")
    world.passes(seconds=10)
    world.check()
    with world.storage.writing() as connection:
        connection.execute(tables.schedule_due.delete())
    world.check()
