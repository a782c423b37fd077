"""Due times that passed while nobody looked: what each policy makes up for."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, update

from flowledger.services.schedules import missed
from flowledger.services.schedules.missed import step
from flowledger.storage import tables
from tests.builders import ABSENT
from tests.services.schedules.test_due_times import timing
from tests.services.schedules.world import START, World, at, seconds_of
from tests.storage.recording import by_hand

WEEK = timedelta(days=7)
HOURS = [START + timedelta(hours=hour) for hour in range(1, 7 * 24 + 1)]


@pytest.mark.parametrize(
    ("policy", "made_up"), [("skip", HOURS[-1:]), ("last", HOURS[-2:]), ("all", HOURS), (None, HOURS[-2:])]
)
def test_a_week_of_missed_hours(world: World, policy: str | None, made_up: list[object]) -> None:
    """At the end of the week it is 30 s after an hour: that one is on time."""
    world.says(expression="0 * * * *", missed=policy or ABSENT)
    world.passes(seconds=0)
    world.passes(days=7, seconds=30)
    assert world.fired() == made_up
    world.passes(hours=1)
    assert world.fired() == [*made_up, START + timedelta(days=7, hours=1)]
    world.check()


@pytest.mark.parametrize(("policy", "count"), [("skip", 61), ("last", 62), ("all", 1061)])
def test_a_week_of_missed_seconds(world: World, policy: str, count: int) -> None:
    """The last minute, both ends included, is on time."""
    world.says(expression="1s", missed=policy)
    world.passes(seconds=0)
    world.passes(days=7)
    while (world.due().next_due_at or world.now) <= world.now:
        world.passes(seconds=0)
    fired = world.fired()
    assert len(fired) == len(set(fired)) == count
    assert fired[-1] == START + WEEK
    world.check()


def test_what_is_a_minute_late_is_on_time(world: World) -> None:
    world.says(expression="10s", missed="skip")
    world.passes(seconds=0)
    world.passes(seconds=60)
    assert seconds_of(world.fired()) == [10, 20, 30, 40, 50, 60]


def test_what_a_long_look_comes_to_late_is_not_missed(world: World) -> None:
    """Others were fired first, for ten minutes: a scheduler looked all the time."""
    world.says(expression="0 * * * *", missed="skip")
    world.passes(seconds=0)
    world.passes(minutes=59, seconds=55)
    for _ in range(60):
        world.passes(seconds=10, look=False)
        world.scheduler()._look()
    world.passes(seconds=0)
    assert world.fired() == [at(13)]


@pytest.mark.parametrize(
    ("policy", "count"), [(None, 0), ("skip", 0), ("last", 1), ("all", 7 * 24)], ids=["null", "skip", "last", "all"]
)
def test_a_schedule_that_is_first_seen_a_week_after_it_was_made(world: World, policy: str | None, count: int) -> None:
    world.passes(days=7, minutes=30)
    world.says(time=START, expression="0 * * * *", missed=policy or ABSENT)
    world.passes(seconds=0)
    assert len(world.fired()) == count
    world.watches(3600, every=50)
    assert len(world.fired()) == count + 1


def test_a_start_in_the_past_is_made_up_for_if_the_schedule_says_so(world: World) -> None:
    start = START - timedelta(days=2)
    world.says(expression="0 6 * * *", missed="all", starts_at=start.isoformat())
    world.says(subject="other", expression="0 6 * * *", starts_at=start.isoformat())
    world.passes(seconds=0)
    assert world.fired() == [at(6, day=1), at(6)]
    assert world.fired("other") == []


def test_the_last_thousand_are_fired_in_steps_and_no_more(world: World) -> None:
    world.says(expression="1m", missed="all")
    world.passes(seconds=0)
    world.passes(days=30)
    while (world.due().next_due_at or world.now) <= world.now:
        world.passes(seconds=0)
    fired = world.fired()
    assert len(fired) == missed.MOST_MISSED + 2, "and those that are on time: at the minute, and a minute ago"
    assert fired[0] == START + timedelta(days=30, minutes=-missed.MOST_MISSED - 1)


def test_a_step_continues_where_the_one_before_ended() -> None:
    due, now = timing("1m", counts_from=START), START + timedelta(hours=2)
    done, times = START, []
    while True:
        one = step(due, done, now=now, seen_since=now, missed="all", most=7)
        times += one.times
        done = one.done_until
        if done == now:
            break
    assert times == [START + timedelta(minutes=minute) for minute in range(1, 121)]


def test_nothing_is_lost_if_what_the_scheduler_keeps_is_lost(world: World) -> None:
    """A restored database, or somebody's hand: what was fired is not fired again, and a change is found."""
    world.says(expression="10s")
    world.passes(seconds=0)
    world.watches(30)
    by_hand(world.storage, delete(tables.schedule_looks), update(tables.schedule_due).values(done_until=START))
    by_hand(world.storage, update(tables.schedule_due).values(next_due_at=START + timedelta(seconds=10)))
    world.passes(seconds=5)
    assert seconds_of(world.fired()) == [10, 20, 30]
    world.check()
