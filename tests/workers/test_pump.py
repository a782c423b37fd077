"""The pump: who is rung, when, and who is not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
import redis

from domain import streams
from domain.settings import Settings
from tests.conftest import settings_for
from tests.waiting import wait_until
from workers.connections import connect
from workers.lease import Lease
from workers.pump import Bell, Pump


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


@pytest.fixture
def pump(quiet: Settings, rung: list[int]) -> Iterator[Pump]:
    started = Pump(quiet, rung.append)
    started.start()
    yield started
    with closing(connect(quiet)) as waker:  # a pump that waits for entries is woken to see that it is to end
        started.ask_to_stop()
        waker.xadd(streams.IDLE, {"shard": "0"})
    started.stop()


def add(client: redis.Redis, shard: int) -> None:
    client.xadd(streams.stream(shard), {streams.FIELD: b"{}"})


def test_a_new_entry_rings_its_shard(pump: Pump, client: redis.Redis, rung: list[int]) -> None:
    add(client, 5)
    wait_until(lambda: rung == [5])


def test_entries_from_before_the_pump_ring(quiet: Settings, client: redis.Redis, rung: list[int]) -> None:
    add(client, 2)
    started = Pump(quiet, rung.append)
    started.start()
    wait_until(lambda: rung == [2])
    started.ask_to_stop()
    client.xadd(streams.IDLE, {"shard": "0"})
    started.stop()


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
    with Lease(client, 1, 5) as lease:
        assert lease.take()
        assert not Bell(client, quiet, rung.append).ring(1)
    assert Bell(client, quiet, rung.append).ring(1)


def test_a_bell_that_got_lost_rings_again(quiet: Settings, client: redis.Redis, rung: list[int]) -> None:
    short = quiet.model_copy(update={"lease_seconds": 1.0})
    bell = Bell(client, short, rung.append)
    assert bell.ring(1)
    wait_until(lambda: bell.ring(1))
    assert rung == [1, 1]


def test_a_lease_is_its_owners_alone(client: redis.Redis) -> None:
    first, second = Lease(client, 1, 5), Lease(client, 1, 5)
    assert first.take()
    assert not second.take()
    second.release()
    assert client.exists(streams.lease(1)), "only the owner can release"
    first.release()
    assert second.take()


def test_a_lease_that_ran_out_is_not_renewed(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    lease = Lease(client, 1, 5)
    assert lease.take()
    client.set(streams.lease(1), "another")
    monkeypatch.setattr("workers.lease.time.monotonic", lambda: 1e12)
    assert not lease.renew()
