"""Messages that come to an end: delivered, failed or expired, in their inbox or before they came there."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import redis

from flowledger.client.plans.entries import message_of
from flowledger.domain import streams
from tests.builders import raw
from tests.waiting import wait_until
from tests.workers.office import Office, in_seconds, message, put_and_expired


@pytest.mark.parametrize("end", ["message.delivered", "message.failed"])
def test_what_ends_in_another_way_leaves_the_inbox(office: Office, end: str) -> None:
    office.publish(message("m1", "bob"))
    office.drain()
    office.publish(raw(end, subject="m1", to_sandbox_id="bob"))
    office.drain()
    assert office.inbox("bob") == []
    office.check()


def test_what_ended_before_it_was_sent_comes_into_no_inbox(office: Office) -> None:
    office.publish(raw("message.delivered", subject="m1", to_sandbox_id="bob"), message("m1", "bob"))
    office.drain()
    assert (office.inbox("bob"), office.status("m1", "bob")) == ([], "delivered")
    office.check()


def test_a_message_that_nobody_takes_in_time_expires_and_leaves_the_inbox(office: Office) -> None:
    office.publish(message("m1", "bob", expires_at=in_seconds(2)), message("m2", "bob"))
    office.drain()
    wait_until(lambda: office.look()["expired"] == 1)
    office.drain()
    assert office.ids("bob") == ["m2"]
    assert (office.status("m1", "bob"), office.delivery("m1", "bob")["sent_at"] is not None) == ("expired", True)
    assert office.look()["expired"] == 0
    assert office.client.zcard(streams.EXPIRIES) == 0
    office.check()


def test_a_message_that_expired_before_it_was_recorded_comes_into_no_inbox(office: Office) -> None:
    office.publish(message("m1", "bob", expires_at="2026-01-31T12:00:00Z"))
    office.drain()
    assert office.inbox("bob") == []
    assert put_and_expired(office.look()) == (0, 1)
    assert put_and_expired(office.look()) == (0, 0)
    office.drain()
    assert office.status("m1", "bob") == "expired"
    office.check()


def test_times_at_the_ends_of_the_calendar_hold_up_no_other_message(office: Office) -> None:
    first, last = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"
    office.publish(
        *(message(f"past_{at[0]}", "bob", expires_at=first, time=at) for at in (first, last)),
        *(message(f"future_{at[0]}", "bob", expires_at=last, time=at) for at in (first, last)),
        message("usual", "bob"),
    )
    office.drain()
    assert put_and_expired(office.look()) == (0, 2)
    office.drain()
    assert sorted(office.ids("bob")) == ["future_0", "future_9", "usual"]
    assert [office.status(f"past_{one}", "bob") for one in "09"] == ["expired", "expired"]
    entries: Any = office.client.xrange(streams.inbox("bob"))
    for entry_id, fields in entries:
        read = message_of("bob", entry_id.decode(), [part for pair in fields.items() for part in pair])
        assert read.expires_at is None or read.expires_at.year == 9999
        assert not read.is_late(time.time() * 1000)
    office.check()


def test_messages_expire_behind_a_full_inbox(office: Office) -> None:
    office.publish(
        *(message(f"m{place}", "bob") for place in range(3)), message("m3", "bob", expires_at=in_seconds(0.05))
    )
    office.drain()
    wait_until(lambda: office.look()["expired"] == 1)
    office.drain()
    assert office.status("m3", "bob") == "expired"
    office.check()


@pytest.mark.parametrize("sign", ["0", "alive"], ids=["died long ago", "no sign of life"])
def test_a_message_in_the_hands_of_a_living_consumer_does_not_expire(office: Office, sign: str) -> None:
    office.publish(message("m1", "bob", expires_at=in_seconds(2)))
    office.drain()
    inbox = streams.inbox("bob")
    office.client.xgroup_create(inbox, streams.MAILBOX_GROUP, "0")
    office.client.xreadgroup(streams.MAILBOX_GROUP, "1", {inbox: ">"})
    office.client.hset(streams.consumers("bob"), "1", str(_redis_now(office.client)))
    office.client.expire(streams.consumers("bob"), 60)
    wait_until(lambda: time.time() * 1000 > int(office.inbox("bob")[0][b"expires_at"]))
    assert office.look()["expired"] == 0
    assert office.ids("bob") == ["m1"]
    office.client.hset(streams.consumers("bob"), "1", sign)
    office.client.zadd(streams.EXPIRIES, {json.dumps(["m1", "bob"], separators=(",", ":")): 0})
    assert office.look()["expired"] == 1
    office.drain()
    assert (office.ids("bob"), office.status("m1", "bob")) == ([], "expired")
    office.check()


def _redis_now(client: redis.Redis) -> int:
    seconds, microseconds = client.time()
    return int(seconds) * 1000 + int(microseconds) // 1000
