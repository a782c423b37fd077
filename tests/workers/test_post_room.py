"""What does not go into an inbox: it is full, Redis is, or refuses; nothing is half done, and others get theirs."""

from __future__ import annotations

from typing import Any

import pytest

from flowledger.domain import streams
from flowledger.workers.post import PostOffice
from tests.builders import raw
from tests.workers.office import Office, in_seconds, message

LAST = "18446744073709551615-18446744073709551615"
BOB = streams.posted("m1", "bob")


def use_up(office: Office, stream: str) -> None:
    """Nothing can be added to the stream any more."""
    entry: Any = office.client.xadd(stream, {"event": "x"}, id=LAST)
    office.client.xdel(stream, entry)


@pytest.mark.parametrize("key", [streams.inbox("bob"), streams.taken("bob")])
def test_a_key_that_cannot_be_used_is_its_recipients_trouble_alone(
    office: Office, caplog: pytest.LogCaptureFixture, key: str
) -> None:
    office.client.set(key, "of another type")
    office.publish(message("m1", "bob", "carol", expires_at=in_seconds(600)), message("m2", "bob"))
    office.drain()
    office.look()
    assert (office.ids("carol"), office.waiting()) == (["m1"], 2)
    assert caplog.text.count("the inbox of 'bob' cannot be used") == 1
    assert not office.client.exists(BOB)
    office.client.delete(key)
    office.look()
    assert office.ids("bob") == ["m1", "m2"]
    office.check()


def test_an_inbox_whose_last_id_is_used_up_is_its_recipients_trouble_alone(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    office.client.xadd(streams.inbox("bob"), {"event": "x"}, id=LAST)
    office.publish(message("m1", "bob", "carol"))
    office.drain()
    office.look()
    assert (office.ids("carol"), office.waiting()) == (["m1"], 1)
    assert caplog.text.count("the inbox of 'bob' cannot be used") == 1
    office.client.delete(streams.inbox("bob"))
    office.look()
    assert office.ids("bob") == ["m1"]
    office.check()


def test_a_shard_whose_last_id_is_used_up_stops_no_message(office: Office) -> None:
    use_up(office, streams.stream(5))
    names = [f"sb_{place}" for place in range(40)]
    office.publish(message("m1", *names), message("m2", "bob", expires_at=in_seconds(600)))
    office.drain()
    office.look()
    assert [office.ids(name) for name in names] == [["m1"]] * len(names)
    office.check()


def test_what_no_shard_takes_is_not_in_the_inbox_either(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    office.publish(message("m1", "bob", "carol"))
    for shard in range(office.settings.shards):
        use_up(office, streams.stream(shard))
    office.drain()
    assert (office.inbox("bob"), office.inbox("carol"), office.waiting()) == ([], [], 2)
    assert not office.client.exists(BOB)
    assert office.client.ttl(streams.inbox("bob")) > 0
    assert "the inbox of 'bob' cannot be used" in caplog.text
    for shard in range(office.settings.shards):
        office.client.delete(streams.stream(shard))
    office.look()
    assert (office.ids("bob"), office.ids("carol")) == (["m1"], ["m1"])
    office.check()


def test_expiries_that_cannot_be_used_stop_nothing_for_good(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    office.client.set(streams.EXPIRIES, "of another type")
    office.publish(message("m1", "bob"))
    office.drain()
    office.look()
    assert (office.ids("bob"), office.waiting()) == ([], 1)
    assert "ledger:expiries" in caplog.text
    office.client.delete(streams.EXPIRIES)
    office.look()
    assert office.ids("bob") == ["m1"]
    office.check()


def test_an_end_whose_keys_cannot_be_used_stops_no_other(office: Office) -> None:
    office.publish(message("m1", "bob", "carol"))
    office.drain()
    office.client.set(streams.inbox("bob"), "of another type")
    office.client.delete(BOB)
    office.client.rpush(BOB, "of another type")
    for name in ("bob", "carol"):
        office.publish(raw("message.delivered", subject="m1", to_sandbox_id=name))
    office.drain()
    assert office.inbox("carol") == []
    office.check()


# --- room


def test_an_inbox_takes_so_many_bytes_and_at_least_one_message(office: Office) -> None:
    office.settings = office.settings.model_copy(update={"inbox_bytes": 20_000, "inbox_messages": 1000})
    office.post = PostOffice(office.client, office.settings, office.storage)
    large = "x" * 30_000
    office.publish(*(message(f"m{place}", "bob", more="y" * 6_000) for place in range(6)))
    office.publish(message("m6", "bob", more=large), message("m7", "bob", more=large))
    seen: list[list[str]] = []
    office.drain()
    while office.ids("bob"):
        seen.append(office.ids("bob"))
        for one in office.ids("bob"):
            office.take("bob", one)
        office.drain()
    assert [one for some in seen for one in some] == [f"m{place}" for place in range(8)]
    assert 1 < len(seen[0]) < 4
    assert seen[-2:] == [["m6"], ["m7"]]
    office.check()


def test_a_share_of_memory_is_left_to_events(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    used = office.client.info("memory")["used_memory"]
    office.publish(message("m1", "bob"))
    office.client.config_set("maxmemory", int(used * 1.5))
    try:
        office.drain()
        office.look()
        assert (office.ids("bob"), office.waiting()) == ([], 1)
        assert "see LEDGER_INBOX_MEMORY_SHARE" in caplog.text
        office.publish(raw("task.created"))  # has room
        office.drain()
        office.client.config_set("maxmemory", used * 10)
        office.look()
        assert office.ids("bob") == ["m1"]
    finally:
        office.client.config_set("maxmemory", 0)
    office.check()


def test_a_message_expires_out_of_an_inbox_while_redis_is_full(office: Office) -> None:
    office.publish(message("m1", "bob", expires_at=in_seconds(2)))
    office.drain()
    assert office.ids("bob") == ["m1"]
    office.client.config_set("maxmemory", 1)
    try:
        expired = 0
        while not expired:
            expired = office.look()["expired"]
    finally:
        office.client.config_set("maxmemory", 0)
    office.drain()
    assert (office.ids("bob"), office.status("m1", "bob")) == ([], "expired")
    office.check()


# --- what stays


def test_nothing_stays_of_messages_that_have_come_to_their_end(office: Office) -> None:
    office.publish(message("m1", "bob", expires_at="2999-01-31T12:00:00Z"))
    office.drain()
    assert office.client.zcard(streams.EXPIRIES) == 1
    assert office.client.ttl(streams.inbox("bob")) == -1
    office.take("bob", "m1")
    office.drain()
    assert office.client.zcard(streams.EXPIRIES) == 0
    assert 0 < office.client.ttl(streams.inbox("bob")) <= office.settings.inbox_quiet_seconds
    assert 0 < office.client.ttl(BOB) <= 120
    office.publish(message("m2", "bob"))
    office.drain()
    assert office.client.ttl(streams.inbox("bob")) == -1, "what waits does not go"


def test_more_expire_in_one_look_than_one_step_takes(office: Office) -> None:
    office.settings = office.settings.model_copy(update={"inbox_messages": 1000})
    office.post = PostOffice(office.client, office.settings, office.storage)
    office.publish(*(message(f"m{place}", "bob", expires_at=in_seconds(3)) for place in range(120)))
    office.drain()
    expired = 0
    while expired < 120:
        expired += office.look()["expired"]
        office.drain()
    assert office.ids("bob") == []
    office.check()


def test_a_redis_that_refuses_for_all_is_told_once(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    office.publish(message("m1", "bob", "carol"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flowledger.workers.scripts.PUT", "#!lua\nreturn redis.error_reply('MISCONF no disk')")
        office.drain()
        office.look()
    assert caplog.text.count("Redis accepts no messages for inboxes") == 1
    office.look()
    assert (office.ids("bob"), office.ids("carol")) == (["m1"], ["m1"])
    assert "messages are put into inboxes again" in caplog.text
    office.check()
