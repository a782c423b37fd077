"""Publishing when Redis is away, slow, full or wrong: the same event again, within a bound, and a clear error."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
import redis

from flowledger.cli.embedded import EmbeddedValkey, free_port
from flowledger.client import Published
from flowledger.client.plans.publishing import publishing
from flowledger.client.prepared import prepare
from flowledger.domain.errors import BrokerFull, BrokerUnavailable, LedgerError, PublishError
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.recorder import Recorded
from tests.builders import event
from tests.client.looking import bodies, events
from tests.client.publishers import AnyPublisher, MakePublisher
from tests.proxy import Fault, Proxy
from tests.storage.recording import differences, record

SHORT = 0.3
"""Seconds that a publisher waits, where the test is about its not waiting longer."""


@contextmanager
def spoilt(url: str, fault: Fault, times: int = 1) -> Iterator[Proxy]:
    options = redis.connection.parse_url(url)
    with Proxy((options["host"], options["port"])) as proxy:
        proxy.spoil(fault, times)
        yield proxy


@contextmanager
def within(seconds: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


def test_an_event_whose_reply_was_lost_is_sent_again_with_the_same_id(
    make_publisher: MakePublisher, redis_url: str, server: redis.Redis
) -> None:
    with spoilt(redis_url, Fault.REPLY_LOST) as proxy:
        published = make_publisher(proxy.url).publish(event("task.started"))
    assert proxy.spoilt == 1
    first, second = bodies(server)
    assert first == second
    assert {one["id"] for one in events(server)} == {published.id}


def test_what_was_sent_twice_is_recorded_once(
    make_publisher: MakePublisher, redis_url: str, server: redis.Redis, storage: Storage
) -> None:
    with spoilt(redis_url, Fault.REPLY_LOST, times=2) as proxy:
        make_publisher(proxy.url).publish_many(event("task.logged") for _ in range(10))
    assert record(storage, *bodies(server)) == Recorded(recorded=10, repeated=20)
    assert differences(storage) == []


def test_an_event_that_did_not_arrive_is_sent_again(
    make_publisher: MakePublisher, redis_url: str, server: redis.Redis
) -> None:
    with spoilt(redis_url, Fault.REQUEST_LOST, times=3) as proxy:
        published = make_publisher(proxy.url).publish(event("task.started"))
    assert [one["id"] for one in events(server)] == [published.id]


def test_order_holds_where_a_round_trip_was_done_again(
    make_publisher: MakePublisher, redis_url: str, server: redis.Redis
) -> None:
    given = [event("task.logged", subject="t") for _ in range(20)]
    with spoilt(redis_url, Fault.REQUEST_LOST) as proxy:
        make_publisher(proxy.url).publish_many(given)
    assert events(server) == given


def test_a_server_that_is_silent_is_unavailable_within_the_bound(make_publisher: MakePublisher, redis_url: str) -> None:
    with spoilt(redis_url, Fault.SILENCE, times=100) as proxy:
        publisher = make_publisher(proxy.url, publish_timeout_seconds=SHORT)
        with within(5 * SHORT), pytest.raises(BrokerUnavailable):
            publisher.publish(event("task.started"))


def test_a_server_that_takes_connections_and_says_nothing_is_unavailable(make_publisher: MakePublisher) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        publisher = make_publisher(url, publish_timeout_seconds=SHORT)
        with within(5 * SHORT), pytest.raises(BrokerUnavailable):
            publisher.publish(event("task.started"))


def test_a_server_that_is_not_there_is_unavailable_within_the_bound(make_publisher: MakePublisher) -> None:
    publisher = make_publisher(f"redis://127.0.0.1:{free_port()}/0", publish_timeout_seconds=SHORT)
    with within(5 * SHORT), pytest.raises(BrokerUnavailable) as caught:
        publisher.publish_many([event("task.started"), event("task.started")])
    assert "2 events not confirmed" in str(caught.value)
    assert "same ids" in str(caught.value)


def test_the_very_same_event_can_be_published_after_an_error(
    make_publisher: MakePublisher, redis_url: str, server: redis.Redis
) -> None:
    with spoilt(redis_url, Fault.REPLY_LOST, times=1000) as proxy:
        publisher = make_publisher(proxy.url, publish_timeout_seconds=SHORT)
        prepared = publisher.prepare(event("task.started"))
        with pytest.raises(BrokerUnavailable):
            publisher.publish(prepared)
    assert make_publisher(redis_url).publish(prepared).id == prepared.id
    assert set(bodies(server)) == {prepared.raw}


def test_a_restart_between_two_events_is_not_noticed(make_publisher: MakePublisher, own_valkey: EmbeddedValkey) -> None:
    publisher = make_publisher(own_valkey.url)
    publisher.publish(event("task.started"))
    own_valkey.stop()
    own_valkey.start()
    publisher.publish(event("task.completed"))
    assert publisher.backlog() == 2


def test_a_restart_while_it_publishes_only_takes_time(
    make_publisher: MakePublisher, own_valkey: EmbeddedValkey
) -> None:
    publisher = make_publisher(own_valkey.url, publish_timeout_seconds=20)
    own_valkey.kill()
    restart = threading.Timer(0.2, own_valkey.start)
    restart.start()
    published = publisher.publish(event("task.started"))
    restart.join()
    assert isinstance(published, Published)
    assert publisher.backlog() == 1


def test_what_was_told_is_published_outlives_a_power_cut(
    make_publisher: MakePublisher, own_valkey: EmbeddedValkey
) -> None:
    publisher = make_publisher(own_valkey.url)
    publisher.publish_many(event("task.started", subject=f"t{number}") for number in range(100))
    own_valkey.kill()
    own_valkey.start()
    with closing(redis.Redis.from_url(own_valkey.url)) as client:
        assert len(bodies(client)) == 100


def test_the_backlog_can_be_asked_after_a_restart(make_publisher: MakePublisher, own_valkey: EmbeddedValkey) -> None:
    publisher = make_publisher(own_valkey.url)
    publisher.publish(event("task.started"))
    own_valkey.stop()
    own_valkey.start()
    assert publisher.backlog() == 1


def test_the_backlog_of_a_server_that_is_not_there_is_unavailable(make_publisher: MakePublisher) -> None:
    publisher = make_publisher(f"redis://127.0.0.1:{free_port()}/0", publish_timeout_seconds=SHORT)
    with pytest.raises(BrokerUnavailable):
        publisher.backlog()


# --- Redis is there and refuses


@pytest.fixture
def full(own_valkey: EmbeddedValkey) -> Iterator[redis.Redis]:
    """A client of a server without any memory left."""
    with closing(redis.Redis.from_url(own_valkey.url)) as client:
        client.config_set("maxmemory", "1")
        yield client


def test_a_full_server_is_told_as_such_and_at_once(
    make_publisher: MakePublisher, own_valkey: EmbeddedValkey, full: redis.Redis
) -> None:
    publisher = make_publisher(own_valkey.url, publish_timeout_seconds=30)
    with within(10), pytest.raises(BrokerFull, match="full"):
        publisher.publish(event("task.started"))


def test_a_server_that_has_room_again_takes_events_again(
    make_publisher: MakePublisher, own_valkey: EmbeddedValkey, full: redis.Redis
) -> None:
    publisher = make_publisher(own_valkey.url)
    prepared = publisher.prepare(event("task.started"))
    with pytest.raises(BrokerFull):
        publisher.publish_many([prepared] * 3)
    full.config_set("maxmemory", "0")
    assert publisher.publish(prepared).id == prepared.id
    assert bodies(full) == [prepared.raw]


def test_a_server_that_fills_up_on_the_way_keeps_what_it_confirmed(
    make_publisher: MakePublisher, own_valkey: EmbeddedValkey
) -> None:
    publisher = make_publisher(own_valkey.url)
    with closing(redis.Redis.from_url(own_valkey.url)) as client:
        used: int = client.info("memory")["used_memory"]
        client.config_set("maxmemory", str(used + 8 * 2**20))
        large = [publisher.prepare(event("task.completed", output="x" * 500_000)) for _ in range(30)]
        confirmed: list[str] = []
        with pytest.raises(BrokerFull):
            confirmed.extend(publisher.publish(one).id for one in large)
        assert 0 < len(confirmed) < 30
        assert {one["id"] for one in events(client)} == set(confirmed)


def test_a_server_without_room_on_its_disk_is_full_as_well() -> None:
    prepared = prepare(event("task.started"), shards=1)
    plan = publishing([prepared], timeout_seconds=1)
    next(plan)
    with pytest.raises(BrokerFull, match="cannot write to its disk: MISCONF"):
        plan.send([redis.ResponseError("MISCONF Errors writing to the AOF file: No space left on device")])


def test_another_refusal_is_told_and_not_tried_again(publisher: AnyPublisher, server: redis.Redis) -> None:
    published = publisher.publish(event("task.started"))
    server.delete(published.stream)
    server.set(published.stream, "not a stream")
    with within(2), pytest.raises(PublishError, match="WRONGTYPE") as caught:
        publisher.publish(event("task.started"))
    assert not isinstance(caught.value, BrokerUnavailable | BrokerFull)


@pytest.mark.parametrize("error", [BrokerUnavailable, BrokerFull])
def test_all_errors_of_publishing_are_one_kind(error: type[Exception]) -> None:
    assert issubclass(error, PublishError)
    assert issubclass(error, LedgerError)
