"""The pump: who is rung, when, and who is not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
import redis
from kombu.exceptions import OperationalError

from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.workers.connections import connect
from flowledger.workers.pump import Bell, Pump, Ring
from tests.conftest import settings_for
from tests.waiting import wait_until


@pytest.fixture
def quiet(redis_url: str) -> Settings:
    """A pump that looks by itself so seldom that a test sees only what wakes it."""
    return settings_for(redis_url=redis_url).model_copy(update={"poll_seconds": 60.0})


@pytest.fixture
def client(quiet: Settings) -> Iterator[redis.Redis]:
    with closing(connect(quiet)) as connected:
        yield connected


@pytest.fixture
def rung() -> list[int]:
    return []


def no_drain(_shard: int) -> None:
    raise AssertionError("the pump has no reason to drain by itself")


@contextmanager
def running(pump: Pump, waker: redis.Redis) -> Iterator[Pump]:
    """A pump that waits for entries is woken at the end, to see that it is to end."""
    pump.start()
    yield pump
    pump.ask_to_stop()
    waker.xadd(streams.IDLE, {"shard": "0"})
    pump.stop()


@pytest.fixture
def pump(quiet: Settings, rung: list[int]) -> Iterator[Pump]:
    with closing(connect(quiet)) as waker, running(Pump(quiet, rung.append, no_drain), waker) as started:
        yield started


def add(client: redis.Redis, shard: int) -> None:
    client.xadd(streams.stream(shard), {streams.FIELD: b"{}"})


def test_a_new_entry_rings_its_shard(pump: Pump, client: redis.Redis, rung: list[int]) -> None:
    add(client, 5)
    wait_until(lambda: rung == [5])


def test_entries_from_before_the_pump_ring(quiet: Settings, client: redis.Redis, rung: list[int]) -> None:
    add(client, 2)
    with running(Pump(quiet, rung.append, no_drain), client):
        wait_until(lambda: rung == [2])


def test_a_shard_that_is_left_with_entries_is_rung_again(pump: Pump, client: redis.Redis, rung: list[int]) -> None:
    add(client, 5)
    wait_until(lambda: rung == [5])
    client.delete(streams.bell(5))
    client.xadd(streams.IDLE, {"shard": "5"})
    wait_until(lambda: rung == [5, 5])


def test_a_shard_is_rung_once_until_its_drain_comes(quiet: Settings, client: redis.Redis, rung: list[int]) -> None:
    bell = Bell(client, quiet, rung.append)
    assert bell.ring(1)
    assert not bell.ring(1)
    assert rung == [1]


def test_a_shard_under_a_drain_is_not_rung(quiet: Settings, client: redis.Redis, rung: list[int]) -> None:
    bell = Bell(client, quiet, rung.append)
    client.set(streams.lease(1), "a drain")
    assert bell.ring(1) is Ring.UNDER_WAY
    client.delete(streams.lease(1))
    assert bell.ring(1) is Ring.RUNG


def test_no_bell_is_rung_while_a_drain_watches(quiet: Settings, client: redis.Redis, rung: list[int]) -> None:
    client.set(streams.WATCH, "a drain", ex=60)
    assert Bell(client, quiet, rung.append).ring(1) is Ring.UNDER_WAY
    assert rung == []


@pytest.mark.parametrize("paused", ["1", streams.ALL])
def test_a_paused_shard_is_not_rung(quiet: Settings, client: redis.Redis, rung: list[int], paused: str) -> None:
    client.hset(streams.PAUSED, paused, "why")
    assert Bell(client, quiet, rung.append).ring(1) is Ring.PAUSED


def test_no_shard_is_rung_while_the_database_is_away(quiet: Settings, client: redis.Redis, rung: list[int]) -> None:
    client.set(streams.HOLD, "why", ex=60)
    assert Bell(client, quiet, rung.append).ring(1) is Ring.HELD


def test_a_bell_that_got_lost_rings_again(quiet: Settings, client: redis.Redis, rung: list[int]) -> None:
    short = quiet.model_copy(update={"lease_seconds": 1.0})
    bell = Bell(client, short, rung.append)
    assert bell.ring(1)
    wait_until(lambda: bell.ring(1) is Ring.RUNG)
    assert rung == [1, 1]


def test_where_celery_has_no_memory_for_bells_the_pump_drains(quiet: Settings, client: redis.Redis) -> None:
    drained: list[int] = []

    def refuse(_shard: int) -> None:
        raise OperationalError("as kombu says it") from redis.OutOfMemoryError("used memory > 'maxmemory'")

    with running(Pump(quiet, refuse, drained.append), client):
        add(client, 4)
        wait_until(lambda: drained == [4])


def test_a_shard_that_nobody_comes_to_is_drained_by_the_pump(
    quiet: Settings,
    client: redis.Redis,
    rung: list[int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("flowledger.workers.pump._STALLED_SECONDS", 0.1)
    drained: list[int] = []
    lost: list[int] = []
    with running(Pump(quiet.model_copy(update={"poll_seconds": 0.05}), lost.append, drained.append), client):
        add(client, 4)
        wait_until(lambda: 4 in drained)
    assert "makes no progress" in caplog.text
