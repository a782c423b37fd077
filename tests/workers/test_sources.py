"""A bad producer pays for itself: its entries are set aside in their order, and come back when it is resumed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.storage.unit_of_work import Storage
from flowledger.workers import asides as asides_module
from flowledger.workers.asides import Asides
from flowledger.workers.pauses import Pauses
from flowledger.workers.recorder import Recorder
from flowledger.workers.shards import Shards
from flowledger.workers.sources import MOST_SOURCES, UNREADABLE, Aside, key_of
from tests.builders import raw
from tests.storage.recording import count, dead_letters, differences
from tests.waiting import wait_until
from tests.workers.conftest import StartWorker
from tests.workers.draining import add, drain

BAD = "/bad"


@pytest.fixture
def quick(settings: Settings) -> Settings:
    return settings.model_copy(update={"fuse_entries": 10, "batch_entries": 40})


@pytest.fixture
def asides(client: redis.Redis) -> Asides:
    return Asides(client)


def good(place: int, source: str = BAD) -> bytes:
    return raw("task.created", source=source, subject=f"{source}/{place}", id=f"good{place}")


def bad(place: int, source: str = BAD) -> bytes:
    return raw("task.exploded", source=source, subject=f"{source}/{place}", id=f"bad{place}")


def record_all(settings: Settings, client: redis.Redis, storage: Storage) -> int:
    """Drain until nothing waits in any shard; how many became dead letters."""
    dead = 0
    while any(client.xlen(streams.stream(shard)) for shard in range(settings.shards)):
        dead += drain(settings, client, storage)["dead"]
    return dead


def known(settings: Settings, client: redis.Redis, storage: Storage, source: str = BAD) -> None:
    """Something of the source is recorded."""
    add(client, raw("task.created", source=source, subject="known"))
    record_all(settings, client, storage)


def waits(asides: Asides) -> dict[str, int]:
    return {one.source: one.entries for one in asides.all()}


def in_order(client: redis.Redis, source: str) -> list[str]:
    entries: Any = client.xrange(streams.aside(key_of(source)))
    return [json.loads(fields[streams.FIELD.encode()])["id"] for _, fields in entries]


def test_a_source_of_which_most_fail_is_set_aside_and_others_go_on(
    quick: Settings, client: redis.Redis, storage: Storage, asides: Asides, caplog: pytest.LogCaptureFixture
) -> None:
    known(quick, client, storage)
    for place in range(100):
        add(client, bad(place), good(place, "/healthy"), shard=place % 8)
    dead = record_all(quick, client, storage)
    assert 10 <= dead <= 20
    assert waits(asides) == {BAD: 100 - dead}
    assert count(storage, "tasks") == 100 + 1
    assert Pauses(client).all() == {}
    (waiting,) = asides.all()
    assert "could not be recorded" in waiting.why
    assert f"flowledger resume --source '{BAD}'" in waiting.why
    entries: Any = client.xrange(streams.aside(key_of(BAD)))
    assert waiting.bytes == sum(len(streams.FIELD) + len(fields[streams.FIELD.encode()]) for _, fields in entries)
    assert len([record for record in caplog.records if "are set aside" in record.message]) == 1


def test_good_entries_of_it_wait_behind_and_come_back_in_order(
    quick: Settings, client: redis.Redis, storage: Storage, asides: Asides
) -> None:
    known(quick, client, storage)
    add(client, *map(bad, range(30)))
    dead = record_all(quick, client, storage)
    add(client, *map(good, range(30)))
    record_all(quick, client, storage)
    assert in_order(client, BAD) == [f"bad{place}" for place in range(dead, 30)] + [
        f"good{place}" for place in range(30)
    ]
    assert count(storage, "tasks") == 1
    wide = quick.model_copy(update={"fuse_entries": 0})
    assert asides.resume(BAD, 8) == 60 - dead
    assert record_all(wide, client, storage) == 30 - dead
    assert count(storage, "tasks") == 31
    assert waits(asides) == {}
    assert client.exists(streams.ASIDE_SIZES, streams.ASIDE, streams.aside(key_of(BAD))) == 0
    assert {letter.raw for letter in dead_letters(storage)} == {bad(place) for place in range(30)}
    assert differences(storage) == []


def test_what_comes_while_a_source_returns_stays_behind(
    quick: Settings, client: redis.Redis, storage: Storage, asides: Asides, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Resuming is killed after its first step: what is back passes, and newer ones wait behind the rest."""
    asides.set_aside(BAD, "a look at it", "Ada")
    add(client, *map(good, range(10)))
    record_all(quick, client, storage)
    assert waits(asides) == {BAD: 10}
    monkeypatch.setattr(asides_module, "_AT_ONCE", 4)
    real, steps = Asides._step, iter(range(1))

    def killed(self: Asides, *arguments: Any) -> Any:
        if next(steps, None) is None:
            raise KeyboardInterrupt
        return real(self, *arguments)

    with monkeypatch.context() as killing:
        killing.setattr(Asides, "_step", killed)
        with pytest.raises(KeyboardInterrupt):
            asides.resume(BAD, 8)
    add(client, *map(good, range(10, 12)))
    record_all(quick, client, storage)
    assert count(storage, "tasks") == 4
    assert in_order(client, BAD) == [f"good{place}" for place in range(4, 12)]
    assert asides.resume(BAD, 8) == 8
    record_all(quick, client, storage)
    assert count(storage, "tasks") == 12
    assert waits(asides) == {}


def test_a_source_that_still_fails_is_set_aside_anew(
    quick: Settings, client: redis.Redis, storage: Storage, asides: Asides
) -> None:
    known(quick, client, storage)
    add(client, *map(bad, range(100)))
    first = record_all(quick, client, storage)
    asides.resume(BAD, 8)
    second = record_all(quick, client, storage)
    assert 10 <= second <= 20
    assert waits(asides) == {BAD: 100 - first - second}


def test_invented_sources_count_as_one(quick: Settings, client: redis.Redis, storage: Storage, asides: Asides) -> None:
    for place in range(200):
        add(client, bad(place, f"/invented/{place}"), shard=place % 8)
        add(client, b"\xff", good(place, f"/new/{place}"), shard=place % 8)
    dead = record_all(quick, client, storage)
    assert 10 <= dead <= 20
    assert waits(asides) == {UNREADABLE: 400 - dead}
    assert count(storage, "tasks") == 200, "a good entry of a source that nobody knows yet is recorded"
    assert client.hlen(streams.SOURCES) <= 1


def test_fuses_of_sources_are_bounded(quick: Settings, client: redis.Redis, storage: Storage) -> None:
    for place in range(2 * MOST_SOURCES):
        add(client, good(place, f"/{place}"), bad(place, f"/{place}"), shard=place % 8)
    record_all(quick, client, storage)
    assert 0 < client.hlen(streams.SOURCES) <= MOST_SOURCES + quick.batch_entries
    assert 0 < client.ttl(streams.SOURCES) <= 600


def test_conflicts_count(quick: Settings, client: redis.Redis, storage: Storage, asides: Asides) -> None:
    add(client, good(0))
    record_all(quick, client, storage)
    for place in range(200):
        add(client, raw("task.created", source=BAD, subject=f"other{place}", id="good0"))
    dead = record_all(quick, client, storage)
    assert 10 <= dead <= 2 * quick.batch_entries
    assert waits(asides) == {BAD: 200 - dead}


def test_few_failures_among_many_set_nothing_aside(
    quick: Settings, client: redis.Redis, storage: Storage, asides: Asides
) -> None:
    known(quick, client, storage)
    for place in range(200):
        add(client, good(place), good(place + 1000), *([bad(place)] if place % 2 else []))
    assert record_all(quick, client, storage) == 100
    assert waits(asides) == {}


@pytest.mark.parametrize("bound", ["aside_entries", "aside_bytes"])
def test_beyond_the_bound_the_bad_are_buried_and_the_good_recorded(
    quick: Settings, client: redis.Redis, storage: Storage, asides: Asides, bound: str
) -> None:
    narrow = quick.model_copy(update={bound: 5 if bound == "aside_entries" else 5 * (len(bad(10)) + 5) + 10})
    known(quick, client, storage)
    add(client, *map(bad, range(10, 60)), *map(good, range(30)))
    dead = record_all(narrow, client, storage)
    assert waits(asides) == {BAD: 5}
    assert dead == 45
    assert count(storage, "tasks") == 31


def test_a_moved_entry_is_neither_doubled_nor_lost_by_two_drains(
    quick: Settings, client: redis.Redis, storage: Storage, asides: Asides
) -> None:
    """A drain that lost its lease sets aside what another one has set aside, or recorded, before it."""
    asides.set_aside(BAD, "a look at it", "Ada")
    add(client, *map(good, range(10)))
    late = Shards(client, quick, 3)
    taken = late.take()
    client.delete(streams.lease(3))
    record_all(quick, client, storage)
    outcome = Recorder(storage, quick.limits).record(taken.entries, taken.fuses, taken.sources)
    late.done(taken, outcome)
    assert in_order(client, BAD) == [f"good{place}" for place in range(10)]


def test_a_drain_sets_nothing_aside_of_what_was_resumed_meanwhile(
    quick: Settings, client: redis.Redis, storage: Storage, asides: Asides
) -> None:
    asides.set_aside(BAD, "a look at it", "Ada")
    add(client, *map(good, range(10)))
    slow = Shards(client, quick, 3)
    taken = slow.take()
    asides.resume(BAD, 8)
    slow.done(taken, Recorder(storage, quick.limits).record(taken.entries, taken.fuses, taken.sources))
    assert client.xlen(streams.stream(3)) == 10
    record_all(quick, client, storage)
    assert count(storage, "tasks") == 10


def test_a_malformed_entry_comes_back_as_it_was(
    quick: Settings, client: redis.Redis, storage: Storage, asides: Asides
) -> None:
    asides.set_aside(UNREADABLE, "a look at it", "Ada")
    client.execute_command("XADD", streams.stream(3), "*", "one", b"\xff lone")
    client.execute_command("XADD", streams.stream(3), "*", "event", "1", "event", "2")
    record_all(quick, client, storage)
    assert waits(asides) == {UNREADABLE: 2}
    asides.resume(UNREADABLE, 8)
    record_all(quick, client, storage)
    assert sorted(letter.raw for letter in dead_letters(storage)) == [b'[["event", "1"], ["event", "2"]]', b"\xff lone"]


def test_what_stands_there_by_hand_is_a_source(client: redis.Redis, asides: Asides) -> None:
    client.hset(streams.ASIDE, "x", "a slip")
    assert [one.by for one in asides.all()] == ["unknown"]
    assert Aside.read(b'{"source": 1}').by == "unknown"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_workers_killed_while_entries_are_moved_lose_and_double_nothing(
    settings: Settings, client: redis.Redis, storage: Storage, start_worker: StartWorker, asides: Asides
) -> None:
    asides.set_aside(BAD, "a look at it", "Ada")
    names = iter(range(100_000))

    def more() -> Iterator[bytes]:
        return (good(next(names)) for _ in range(400))

    for turn in range(3):
        worker = start_worker()
        for shard in range(8):
            add(client, *more(), shard=shard)
        goal = 3200 * turn
        wait_until(lambda goal=goal: sum(waits(asides).values()) > goal, 30)  # type: ignore[misc]
        worker.kill()
        start_worker()
        wait_until(lambda goal=goal: waits(asides) == {BAD: goal + 3200}, 60)  # type: ignore[misc]
    assert sorted(in_order(client, BAD)) == sorted(f"good{place}" for place in range(9600))
    assert asides.resume(BAD, 8) == 9600
    wait_until(lambda: count(storage, "tasks") == 9600, 60)
    assert waits(asides) == {}
