"""Each due time once in effect: with two schedulers at once, and with one that dies between any two steps."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
import redis

from flowledger.domain import streams
from flowledger.services.schedules.scheduler import Scheduler
from tests.services.schedules.dying import DIED, POINTS, Point, exit_status
from tests.services.schedules.test_due_times import BERLIN, LORD_HOWE, NEW_YORK, timing
from tests.services.schedules.world import START, World, seconds_of

DAYS = {
    "Europe goes back": (
        datetime(2026, 10, 24, 12, tzinfo=UTC),
        [(BERLIN, "*/5 * * * *"), (BERLIN, "30 2 * * *"), (BERLIN, "0,20,40 1-3 * * *"), (NEW_YORK, "0 */2 * * *")],
    ),
    "Lord Howe goes on": (
        datetime(2026, 10, 3, 6, tzinfo=UTC),
        [(LORD_HOWE, "10 2 * * *"), (LORD_HOWE, "*/10 * * * *"), (LORD_HOWE, "0 */2 * * *"), ("UTC", "7m")],
    ),
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("day", DAYS)
def test_two_schedulers_at_once_for_a_day(world: World, monkeypatch: pytest.MonkeyPatch, day: str) -> None:
    """Neither regards the other's turn; they look at the same moments, in steps that are odd on purpose."""
    world.now, wanted = DAYS[day]
    begin = world.now
    monkeypatch.setattr(Scheduler, "_begin", lambda _: True)
    monkeypatch.setattr(Scheduler, "_goes_on", lambda _: True)
    for number, (zone, expression) in enumerate(wanted):
        world.says(subject=f"s{number}", expression=expression, timezone=zone, missed="all")
    barrier = Barrier(2)

    def look() -> object:
        barrier.wait()
        return world.look()

    with ThreadPoolExecutor(2) as both:
        while world.now < begin + timedelta(days=1):
            turns = [both.submit(look) for _ in range(2)]
            assert not any("waiting" in turn.result() for turn in turns)  # type: ignore[operator]
            world.now += timedelta(seconds=577)
        turns = [both.submit(look) for _ in range(2)]
        assert not any("waiting" in turn.result() for turn in turns)  # type: ignore[operator]
    for number, (zone, expression) in enumerate(wanted):
        due = timing(expression, zone, counts_from=begin)
        assert world.fired(f"s{number}") == list(due.between(begin, world.now))
    world.check()


@pytest.mark.parametrize("point", POINTS, ids=lambda point: f"{point.when} {point.step}")
def test_a_scheduler_that_dies_is_followed_by_another(world: World, point: Point) -> None:
    world.says(subject="old", expression="10s", input=1)
    world.passes(seconds=0)
    world.says(subject="new", expression="15s", input=1)
    world.says("updated", subject="old", input=2)
    world.passes(seconds=45, look=False)
    assert exit_status(point, world.settings, world.now) == DIED, f"it did not come to {point}"
    world.client.delete(streams.SCHEDULER)  # its lease has run out
    world.says("updated", subject="old", input=3)
    world.passes(seconds=0)
    assert seconds_of(world.fired("old")) == [10, 20, 30, 40]
    assert seconds_of(world.fired("new")) == [15, 30, 45]
    world.check()


def test_what_two_say_differently_of_a_due_time_is_one(
    world: World, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The input changed between: the first one recorded stands, and the other is no conflict."""
    world.says(expression="10s", input=1)
    world.passes(seconds=0)
    world.passes(seconds=10, look=False)
    first = world.scheduler()
    due, since = first._due(), first._look()
    monkeypatch.setattr(first, "_advance", lambda _: None)
    first._fire(due, since)
    world.says("updated", input=2)
    world.passes(seconds=0)
    assert sum(client.xlen(streams.stream(shard)) for shard in range(8)) == 4
    assert seconds_of(world.fired()) == [10]
    world.check()


def test_who_comes_late_moves_nothing_back(world: World) -> None:
    world.says(expression="10s")
    world.passes(seconds=0)
    world.passes(seconds=10, look=False)
    slow = world.scheduler()
    due, since = slow._due(), slow._look()
    world.passes(seconds=20)
    slow._fire(due, since)
    assert world.due().done_until == START + timedelta(seconds=30)
    assert seconds_of(world.fired()) == [10, 20, 30]
