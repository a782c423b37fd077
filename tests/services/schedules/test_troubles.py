"""What cannot be computed, published or read holds up nothing else, and is shown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
import redis
from pydantic import SecretStr
from sqlalchemy import text, update

from flowledger.client.publisher import Publisher
from flowledger.domain import time_zones
from flowledger.domain.kinds.schedules import Schedule
from flowledger.domain.times import parse_time
from flowledger.services.schedules import watching, zones
from flowledger.services.schedules.firing import events_of
from flowledger.services.schedules.timing import Timing
from flowledger.storage import tables
from flowledger.storage.ledger.schedule_due import ScheduleChangeRepository, ScheduleDueRepository, note_repaired
from flowledger.workers.verify import verify
from tests.services.schedules.world import START, World, at, seconds_of
from tests.storage.recording import by_hand, dead_letters


@contextmanager
def zones_without(name: str, release: str) -> Iterator[None]:
    """Another release of the time zones, which lacks this name."""
    left = time_zones.time_zones() - {name}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zones, "time_zones", lambda: left)
        for module in (zones, watching):
            patch.setattr(module, "RELEASE", release)
        patch.setattr("flowledger.services.schedules.scheduler.RELEASE", release)
        zones.zone.cache_clear()
        yield
    zones.zone.cache_clear()


def test_a_zone_that_is_gone_stops_its_schedule_alone_until_it_is_back(world: World) -> None:
    with zones_without("Europe/Kyiv", "2000a"):
        world.says(expression="* * * * *", timezone="Europe/Kyiv", missed="all")
        world.says(subject="other", expression="* * * * *", timezone="Europe/Berlin")
        world.passes(seconds=0)
        world.passes(minutes=1)
        words = "the time zone Europe/Kyiv is not in the release 2000a of tzdata"
        assert (world.due().next_due_at, world.due().error) == (None, words)
        with world.storage.reading() as connection:
            rows = ScheduleDueRepository(connection)
            assert ([one.schedule_id for one in rows.failing().items], rows.count_failing()) == (["s"], 1)
        assert world.fired("other") == [at(12, 1)]
    world.passes(minutes=1)
    assert world.due().error is None
    assert world.fired() == [at(12, 1), at(12, 2)], "it was missed, and makes up for it"
    world.check()


def test_a_zone_that_goes_while_its_schedule_is_watched(world: World) -> None:
    world.says(expression="* * * * *", timezone="Europe/Kyiv")
    world.passes(seconds=0)
    with zones_without("Europe/Kyiv", "2999z"):
        world.passes(minutes=1)
        assert "is not in the release 2999z" in str(world.due().error)
        assert world.fired() == []
    assert world.due().zones == "2999z"
    world.passes(minutes=1)
    assert world.due().error is not None, "a worker with older zones leaves it to the newer ones"


def test_what_is_too_large_to_be_published_is_left_out_and_shown(world: World) -> None:
    world.says(expression="10s", input="x" * 900_000)
    world.says(subject="other", expression="10s")
    world.passes(seconds=0)
    world.now = at(12, 0, 10)
    assert "waiting" not in world.look(max_event_bytes=2_000)
    assert seconds_of(world.fired()) == [10], "the publisher's limit is its own: this one has the settings' default"
    with pytest.MonkeyPatch.context() as patch:
        small = world.settings.model_copy(update={"max_event_bytes": 2_000})
        publisher = Publisher(settings=small)
        patch.setattr(world, "publisher", publisher)
        world.passes(seconds=10)
        publisher.close()
    assert "not fired at 2026-03-02T12:00:20Z" in str(world.due().error)
    assert "LEDGER_MAX_EVENT_BYTES" in str(world.due().error)
    assert seconds_of(world.fired("other")) == [10, 20]
    world.passes(seconds=10)
    assert world.due().error is None
    assert seconds_of(world.fired()) == [10, 30]


EXTREMES = ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00.5Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999Z"]


@pytest.mark.parametrize("missed", ["all", None])
@pytest.mark.parametrize("field", ["starts_at", "ends_at", "time"])
def test_times_at_the_ends_of_the_calendar_hold_up_no_other_schedule(
    world: World, field: str, missed: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On both sides of their names is a schedule that goes on."""
    monkeypatch.setattr("flowledger.services.schedules.missed.MOST_MISSED", 3)
    policy = {} if missed is None else {"missed": missed}
    for number, moment in enumerate(EXTREMES):
        for form, expression in enumerate(("* * * * *", "0 0 1 1 *", "7d")):
            zone = ("UTC", "America/New_York", "Asia/Tokyo")[(number + form) % 3]
            data: dict[str, Any] = {"expression": expression, "timezone": zone, **policy}
            given = parse_time(moment) if field == "time" else moment
            world.says(subject=f"m{number}{form}", **data | {field: given})
    world.says(subject="a", expression="* * * * *")
    world.says(subject="z", expression="* * * * *")
    world.passes(seconds=0)
    for number, moment in enumerate(EXTREMES):
        world.says("updated", subject=f"m{number}0", expression="2m", time=parse_time(moment))
        world.says("disabled", subject=f"m{number}2", time=parse_time(moment))
    world.passes(minutes=1)
    world.passes(minutes=1)
    assert [world.fired(one) for one in "az"] == [[at(12, 1), at(12, 2)]] * 2
    with world.storage.reading() as connection:
        assert ScheduleChangeRepository(connection).ids(10) == []
        assert ScheduleDueRepository(connection).count_failing() == 0
    world.check()


@pytest.mark.parametrize("where", ["begin", "next", "text"])
def test_a_schedule_at_which_flowledger_fails_holds_up_no_other(
    world: World, where: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    usual = getattr(Timing, where)

    def failing(self: Timing, *arguments: Any) -> Any:
        if self.expression == "7s":
            raise RuntimeError("private words")
        return usual(self, *arguments)

    for one in "amz":
        world.says(subject=one, expression="7s" if one == "m" else "10s")
    with monkeypatch.context() as patch:
        patch.setattr(Timing, where, failing)
        world.passes(seconds=0)
        world.passes(seconds=10)
        assert [seconds_of(world.fired(one)) for one in "amz"] == [[10], [], [10]]
        assert world.due("m").next_due_at is None
        assert str(world.due("m").error).startswith("a fault of Flowledger: RuntimeError at test_troubles.py:")
    assert [record.message for record in caplog.records if "private" in record.getMessage()] == []
    world.says("updated", subject="m", expression="5s")
    world.passes(seconds=0)
    world.passes(seconds=5)
    made_up = [] if where == "next" else [5, 10]  # nothing was known of it: it is as if it were seen for the first time
    assert (world.due("m").error, seconds_of(world.fired("m"))) == (None, [*made_up, 15])
    world.check()


def failing_at(patch: pytest.MonkeyPatch, where: str) -> None:
    def failing(*_: Any) -> Any:
        raise RuntimeError

    patch.setattr(Timing, where, failing)


def recomputed(world: World) -> None:
    """Nothing has changed, but a scheduler looks at the schedule again."""
    with world.storage.writing() as connection:
        note_repaired(connection, ["s"])
    world.passes(seconds=0)


@pytest.mark.parametrize("where", ["next", "text"])
@pytest.mark.parametrize("changes", [False, True])
def test_what_is_due_while_flowledger_fails_is_made_up_for_once_it_is_mended(
    world: World, where: str, changes: bool
) -> None:
    world.says(expression="* * * * *", missed="all")
    world.passes(seconds=0)
    with pytest.MonkeyPatch.context() as patch:
        failing_at(patch, where)
        if changes:
            world.says("updated", name="other")
        recomputed(world)
        world.passes(minutes=5)
        recomputed(world)
        assert (world.due().next_due_at, world.fired()) == (None, [])
        assert str(world.due().error).startswith("a fault of Flowledger: ")
    recomputed(world)
    assert (world.due().error, world.fired()) == (None, [at(12, minute) for minute in range(1, 6)])
    world.check()


@pytest.mark.parametrize("where", ["begin", "next", "text"])
@pytest.mark.parametrize("missed", ["all", None])
def test_what_is_due_of_a_new_schedule_at_which_flowledger_fails(world: World, where: str, missed: str | None) -> None:
    given: dict[str, Any] = {} if missed is None else {"missed": missed}
    world.says(expression="* * * * *", **given)
    with pytest.MonkeyPatch.context() as patch:
        failing_at(patch, where)
        world.passes(minutes=5)
    recomputed(world)
    assert world.fired() == [at(12, minute) for minute in (range(1, 6) if missed else [5])]


@pytest.mark.parametrize("where", ["next", "text"])
def test_what_is_due_lapses_if_a_schedule_at_which_flowledger_fails_is_disabled(world: World, where: str) -> None:
    world.says(expression="* * * * *", missed="all")
    world.passes(seconds=0)
    with pytest.MonkeyPatch.context() as patch:
        failing_at(patch, where)
        recomputed(world)
        world.passes(minutes=2)
        world.says("disabled")
        world.passes(minutes=2)
    world.says("enabled")
    world.passes(minutes=1)
    assert world.fired() == [at(12, 5)]
    world.check()


@pytest.mark.parametrize("where", ["events_of", "text"])
def test_a_schedule_at_which_flowledger_fails_when_it_is_due_holds_up_no_other(
    world: World, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = Timing.text
    for one in "amz":
        world.says(subject=one, expression="10s", timezone="Asia/Tokyo" if one == "m" else "UTC")
    world.passes(seconds=0)

    def failing_events_of(schedule: Schedule, due_at: datetime, most: int) -> Any:
        if schedule.id == "m":
            raise RuntimeError
        return events_of(schedule, due_at, most)

    def failing_text(self: Timing) -> str:
        if self.timezone == "Asia/Tokyo":
            raise RuntimeError
        return usual(self)

    with monkeypatch.context() as patch:
        if where == "text":
            patch.setattr(Timing, "text", failing_text)
        else:
            patch.setattr("flowledger.services.schedules.scheduler.events_of", failing_events_of)
        world.passes(seconds=10)
    assert [seconds_of(world.fired(one)) for one in "amz"] == [[10], [], [10]]
    assert str(world.due("m").error).startswith("a fault of Flowledger: RuntimeError at test_troubles.py:")
    world.passes(seconds=10)
    assert [seconds_of(world.fired(one)) for one in "amz"] == [[10, 20], [], [10, 20]]


@pytest.mark.parametrize("policy", ["skip", "all"])
def test_a_broker_that_is_full_delays_what_is_due(world: World, client: redis.Redis, policy: str) -> None:
    world.says(expression="10s", missed=policy)
    world.passes(seconds=0)
    limit: Any = client.config_get("maxmemory")["maxmemory"]
    world.passes(seconds=10, look=False)
    client.config_set("maxmemory", 1)
    try:
        assert "OOM" in world.look()["waiting"] or "memory" in world.look()["waiting"]
    finally:
        client.config_set("maxmemory", limit)
    assert world.due().done_until == START
    world.passes(seconds=1)
    assert seconds_of(world.fired()) == [10]
    world.check()


def test_a_broker_that_does_not_confirm_leaves_the_due_time_open(world: World) -> None:
    world.says(expression="10s")
    world.passes(seconds=0)
    world.passes(seconds=10, look=False)
    nobody = SecretStr("redis://127.0.0.1:1/0")
    away = world.settings.model_copy(update={"publish_timeout_seconds": 0.2, "redis_url": nobody})
    scheduler = world.scheduler()
    with Publisher(settings=away) as nowhere:
        scheduler._publisher = nowhere
        assert "the broker" in scheduler.run()["waiting"]
    assert world.due().done_until == START
    world.passes(seconds=0)
    assert seconds_of(world.fired()) == [10]


def test_a_database_that_is_away_is_said(world: World) -> None:
    by_hand(world.storage, text("ALTER TABLE schedule_looks RENAME TO elsewhere"))
    assert "the database: " in world.look()["waiting"]
    by_hand(world.storage, text("ALTER TABLE elsewhere RENAME TO schedule_looks"))
    assert "waiting" not in world.look()


def test_a_row_that_was_damaged_and_repaired_goes_on(world: World) -> None:
    world.says(expression="10s")
    world.passes(seconds=0)
    by_hand(world.storage, update(tables.metadata.tables["schedules"]).values(status="disabled"))
    world.passes(seconds=15)
    assert (world.fired(), world.due().next_due_at) == ([], None)
    assert verify(world.storage, mend=True).is_well
    world.passes(seconds=0)
    world.watches(20)
    assert seconds_of(world.fired())[-1:] == [30], "what was due while it seemed to be disabled has lapsed"
    world.check()


def test_rows_of_schedules_that_are_gone_go_as_well(world: World) -> None:
    world.says(expression="10s")
    world.passes(seconds=0)
    by_hand(world.storage, text("DELETE FROM schedules"))
    world.passes(seconds=15)
    with world.storage.reading() as connection:
        assert ScheduleDueRepository(connection).get("s") is None


def test_a_backlog_lets_others_go_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(600):
        world.says(subject=f"s{number:03}", expression="0 13 * * *")
    world.passes(seconds=0)
    monkeypatch.setattr("flowledger.services.schedules.scheduler._MOST_BACKLOG", 100)
    world.passes(hours=1, look=False)
    assert [world.look()["fired"] for _ in range(3)] == [250, 250, 100]
    world.check()
    assert dead_letters(world.storage) == []
