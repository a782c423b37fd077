"""Publishing with a spool while a real server is away, hung or full, and back again: one suite for both publishers."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
import redis

from flowledger.cli.embedded import EmbeddedValkey, free_port
from flowledger.client import Published, Publisher
from flowledger.client.plans.publishing import BATCH
from flowledger.domain.errors import BrokerFull, BrokerUnavailable, PublishError, Refused, SpoolError, SpoolFull
from tests.builders import event
from tests.client.looking import bodies, events
from tests.client.publishers import AnyPublisher, MakePublisher
from tests.client.test_faults import spoilt, within
from tests.proxy import Fault
from tests.waiting import wait_until

SHORT: Final = 0.3


def numbered(count: int, start: int = 0) -> list[dict[str, Any]]:
    """Events of one subject, and so of one stream, where their order can be seen."""
    return [event("task.logged", subject="t", message=str(number)) for number in range(start, start + count)]


def without_repeats(found: list[Any]) -> list[Any]:
    """Each event where it stands first."""
    return list({one["id"]: one for one in found}.values())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool.jsonl"


@pytest.fixture
def away() -> str:
    """The URL of a server that is not there."""
    return f"redis://127.0.0.1:{free_port()}/0"


@pytest.fixture
def own_server(own_valkey: EmbeddedValkey) -> Iterator[redis.Redis]:
    with closing(redis.Redis.from_url(own_valkey.url)) as client:
        yield client


# --- while it is away


def test_what_redis_does_not_take_is_kept_and_told_as_such(
    make_publisher: MakePublisher, away: str, path: Path
) -> None:
    publisher = make_publisher(away, spool=path)
    given = numbered(3)
    first, *others = [publisher.publish(given[0]), *publisher.publish_many(given[1:])]
    assert (first.id, first.stream, first.entry_id, first.spooled) == (given[0]["id"], "ledger:events:0", None, True)
    assert all(one.spooled for one in others)
    assert publisher.spooled == 3
    assert [json.loads(line) for line in path.read_bytes().splitlines()] == given


def test_with_redis_there_nothing_is_kept(
    make_publisher: MakePublisher, redis_url: str, path: Path, server: redis.Redis
) -> None:
    publisher = make_publisher(redis_url, spool=path)
    given = numbered(BATCH + 1)
    assert not any(one.spooled for one in publisher.publish_many(given))
    assert (publisher.spooled, path.read_bytes()) == (0, b"")
    assert events(server) == given


def test_while_it_is_known_to_be_away_publishing_takes_no_longer_than_the_disk(
    make_publisher: MakePublisher, redis_url: str, path: Path
) -> None:
    with spoilt(redis_url, Fault.SILENCE, times=1000) as proxy:
        publisher = make_publisher(proxy.url, spool=path, publish_timeout_seconds=1)
        publisher.publish(event("task.started"))
        with within(1):
            for _ in range(20):
                publisher.publish(event("task.started"))
        assert publisher.spooled == 21


def test_the_backlog_of_a_server_that_is_away_is_unavailable_all_the_same(
    make_publisher: MakePublisher, away: str, path: Path
) -> None:
    publisher = make_publisher(away, spool=path, publish_timeout_seconds=SHORT)
    publisher.publish(event("task.started"))
    with pytest.raises(BrokerUnavailable):
        publisher.backlog()


def test_what_breaks_the_contract_is_refused_and_not_kept(make_publisher: MakePublisher, away: str, path: Path) -> None:
    publisher = make_publisher(away, spool=path)
    with pytest.raises(Refused):
        publisher.publish(event("task.exploded"))
    assert publisher.spooled == 0


def test_a_server_that_is_away_is_not_hammered(make_publisher: MakePublisher, redis_url: str, path: Path) -> None:
    with spoilt(redis_url, Fault.REQUEST_LOST, times=10_000) as proxy:
        publisher = make_publisher(proxy.url, spool=path)
        publisher.publish(event("task.started"))
        tries = proxy.spoilt
        began = time.monotonic()
        while time.monotonic() - began < 1:
            publisher.publish(event("task.started"))
        assert proxy.spoilt - tries <= 5


# --- what the spool does not take


def test_a_full_spool_is_told_with_how_many_were_accepted(make_publisher: MakePublisher, away: str, path: Path) -> None:
    publisher = make_publisher(away, spool=path, spool_max_bytes=BATCH * 250)
    with pytest.raises(SpoolFull, match=r"LEDGER_SPOOL_MAX_BYTES") as caught:
        publisher.publish_many(numbered(2 * BATCH))
    assert caught.value.accepted == BATCH == publisher.spooled


def test_how_many_were_accepted_is_told_without_a_spool_as_well(
    make_publisher: MakePublisher, own_valkey: EmbeddedValkey, own_server: redis.Redis
) -> None:
    publisher = make_publisher(own_valkey.url)
    used: int = own_server.info("memory")["used_memory"]
    own_server.config_set("maxmemory", str(used + 6 * 2**20))
    large = [publisher.prepare(event("task.completed", output="x" * 200_000)) for _ in range(60)]
    with pytest.raises(BrokerFull, match=r"events not confirmed: Redis at .* is full \(its maxmemory") as caught:
        publisher.publish_many(large)
    assert 0 < caught.value.accepted < 60
    assert bodies(own_server) == [one.raw for one in large[: caught.value.accepted]]


def test_a_refusal_that_is_no_absence_is_raised_and_nothing_is_kept(
    make_publisher: MakePublisher, redis_url: str, path: Path, server: redis.Redis
) -> None:
    publisher = make_publisher(redis_url, spool=path)
    published = publisher.publish(event("task.started"))
    server.delete(published.stream)
    server.set(published.stream, "not a stream")
    with pytest.raises(PublishError, match="WRONGTYPE"):
        publisher.publish(event("task.started"))
    assert publisher.spooled == 0


def test_a_file_that_another_publisher_uses_is_refused(make_publisher: MakePublisher, away: str, path: Path) -> None:
    make_publisher(away, spool=path)
    with pytest.raises(SpoolError, match="in use by another publisher"):
        Publisher(away, spool=path)


# --- when it is back


def test_the_background_sends_what_waits_in_order(
    make_publisher: MakePublisher, own_valkey: EmbeddedValkey, own_server: redis.Redis, path: Path
) -> None:
    publisher = make_publisher(own_valkey.url, spool=path)
    given = numbered(30)
    publisher.publish_many(given[:10])
    own_valkey.kill()
    assert all(publisher.publish(one).spooled for one in given[10:])
    own_valkey.start()
    wait_until(lambda: publisher.spooled == 0, what="an empty spool")
    assert without_repeats(events(own_server)) == given
    assert not publisher.publish(event("task.started")).spooled


def test_events_of_before_while_and_after_keep_their_order(
    make_publisher: MakePublisher, own_valkey: EmbeddedValkey, own_server: redis.Redis, path: Path
) -> None:
    publisher = make_publisher(own_valkey.url, spool=path)
    given: list[dict[str, Any]] = []
    restart = threading.Timer(0.7, own_valkey.start)
    told: list[Published] = []
    while not (told and not told[-1].spooled and any(one.spooled for one in told)):
        if len(given) == 20:
            own_valkey.kill()
            restart.start()
        given += numbered(1, start=len(given))
        told.append(publisher.publish(given[-1]))
    restart.join()
    assert publisher.spooled == 0
    assert without_repeats(events(own_server)) == given


def test_a_busy_publisher_catches_up(
    make_publisher: MakePublisher, redis_url: str, server: redis.Redis, path: Path
) -> None:
    given = numbered(12 * BATCH)
    early = make_publisher(f"redis://127.0.0.1:{free_port()}/0", spool=path, publish_timeout_seconds=SHORT)
    early.publish_many(given[: 4 * BATCH])
    early.close()
    late = make_publisher(redis_url, spool=path)
    told = late.publish_many(given[4 * BATCH :])
    assert not told[-1].spooled, "it has caught up before it was done"
    assert events(server) == given


def test_the_next_publisher_sends_what_the_last_one_left(
    make_publisher: MakePublisher, away: str, redis_url: str, server: redis.Redis, path: Path
) -> None:
    early = make_publisher(away, spool=path, publish_timeout_seconds=SHORT)
    given = numbered(5)
    early.publish_many(given[:4])
    early.close()
    late = make_publisher(redis_url, spool=path)
    assert late.publish(given[4]).id == given[4]["id"]
    wait_until(lambda: late.spooled == 0, what="an empty spool")
    assert events(server) == given


def test_closing_sends_what_can_be_sent(
    make_publisher: MakePublisher, own_valkey: EmbeddedValkey, own_server: redis.Redis, path: Path
) -> None:
    own_valkey.stop()
    publisher = make_publisher(own_valkey.url, spool=path)
    given = numbered(3)
    publisher.publish_many(given)
    own_valkey.start()
    publisher.close()
    assert events(own_server) == given
    assert path.read_bytes() == b""


def test_closing_while_it_is_away_says_what_waits_and_does_not_take_long(
    make_publisher: MakePublisher, away: str, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    publisher = make_publisher(away, spool=path)
    publisher.publish_many(numbered(3))
    with within(2):
        publisher.close()
    assert f"3 events wait in the spool {path}: the next publisher that has it sends them" in caplog.messages


def test_flushing_sends_all_or_says_why_not(
    make_publisher: MakePublisher, own_valkey: EmbeddedValkey, own_server: redis.Redis, path: Path
) -> None:
    own_valkey.stop()
    publisher = make_publisher(own_valkey.url, spool=path, publish_timeout_seconds=SHORT)
    given = numbered(3)
    publisher.publish_many(given)
    for timeout in (None, 0):
        with pytest.raises(BrokerUnavailable, match=f"3 events wait in the spool {path}: Redis at .* did not answer"):
            publisher.flush_spool(timeout)
    own_valkey.start()
    assert publisher.flush_spool(timeout_seconds=10) == 0
    assert events(own_server) == given


def test_flushing_without_a_spool_has_nothing_to_do(publisher: AnyPublisher) -> None:
    assert (publisher.flush_spool(), publisher.spooled) == (0, 0)


def test_a_full_server_gets_events_when_it_has_room(
    make_publisher: MakePublisher, own_valkey: EmbeddedValkey, own_server: redis.Redis, path: Path
) -> None:
    publisher = make_publisher(own_valkey.url, spool=path)
    used: int = own_server.info("memory")["used_memory"]
    own_server.config_set("maxmemory", str(used + 4 * 2**20))
    given = [event("task.completed", subject="t", output="x" * 100_000) for _ in range(80)]
    told = [one for first in range(0, 80, 5) for one in publisher.publish_many(given[first : first + 5])]
    assert 0 < publisher.spooled < 80
    assert [one.spooled for one in told] == sorted(one.spooled for one in told)
    own_server.config_set("maxmemory", "0")
    wait_until(lambda: publisher.spooled == 0, what="an empty spool")
    assert without_repeats(events(own_server)) == given


def test_a_lost_reply_doubles_an_entry_with_the_same_id_and_no_event(
    make_publisher: MakePublisher, redis_url: str, server: redis.Redis, path: Path
) -> None:
    with spoilt(redis_url, Fault.REPLY_LOST, times=6) as proxy:
        publisher = make_publisher(proxy.url, spool=path)
        given = numbered(4)
        for one in given:
            publisher.publish(one)
        wait_until(lambda: publisher.spooled == 0, what="an empty spool")
    assert len(events(server)) > len(given)
    assert without_repeats(events(server)) == given


def test_a_line_that_is_no_event_is_put_aside_and_the_others_are_sent(
    make_publisher: MakePublisher, redis_url: str, server: redis.Redis, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    given = numbered(3)
    first, second, third = (json.dumps(one).encode() for one in given)
    path.write_bytes(b"\n".join([first, second[:50], third, second[:70]]))
    publisher = make_publisher(redis_url, spool=path)
    publisher.flush_spool()
    wait_until(lambda: publisher.spooled == 0, what="an empty spool")
    assert events(server) == [given[0], given[2]]
    assert path.with_name("spool.jsonl.refused").read_bytes() == second[:50] + b"\n" + second[:70] + b"\n"
    told = [message for message in caplog.messages if "put aside" in message]
    assert len(told) == 2
    assert "not JSON" in told[0]
    assert any("ends in the middle of a line" in message for message in caplog.messages)


def test_an_outage_and_its_end_are_told_once_each(
    make_publisher: MakePublisher, own_valkey: EmbeddedValkey, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own_valkey.stop()
    publisher = make_publisher(own_valkey.url, spool=path)
    publisher.publish_many(numbered(3))
    own_valkey.start()
    wait_until(lambda: publisher.spooled == 0, what="an empty spool")
    told = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert len(told) == 2
    assert told[0].startswith(f"events wait in the spool {path}: ")
    assert told[1].startswith("Redis takes events again")


def test_a_publisher_with_a_spool_may_be_shared_between_threads(
    own_valkey: EmbeddedValkey, own_server: redis.Redis, path: Path
) -> None:
    given = {name: numbered(60) for name in range(6)}
    kill = threading.Barrier(len(given) + 1)

    def publish(publisher: Publisher, name: int) -> None:
        for place, one in enumerate(given[name]):
            if place == 20:
                kill.wait()
            publisher.publish(one)

    with Publisher(own_valkey.url, spool=path) as publisher:
        threads = [threading.Thread(target=publish, args=(publisher, name)) for name in given]
        for thread in threads:
            thread.start()
        kill.wait()
        own_valkey.kill()
        own_valkey.start()
        for thread in threads:
            thread.join()
        publisher.flush_spool()
    found = without_repeats(events(own_server))
    for published in given.values():
        ids = {one["id"] for one in published}
        assert [one for one in found if one["id"] in ids] == published
