"""The post office: from the journal into the inboxes, once, in order, and to a true end."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from sqlalchemy import select

from domain import streams
from domain.settings import Settings
from domain.times import written_time
from storage import tables
from storage.unit_of_work import Storage
from tests.builders import ABSENT, raw
from tests.storage.recording import all_rows, count, dead_letters, differences
from tests.waiting import wait_until
from workers.drain import Drain
from workers.post import Looked, PostOffice

Row = dict[str, Any]


class Office:
    """Drains and a post office on one Redis and one database; what came of it."""

    def __init__(self, settings: Settings, client: redis.Redis, storage: Storage) -> None:
        self.settings = settings.model_copy(update={"linger_seconds": 0.0, "inbox_messages": 3})
        self.client = client
        self.storage = storage
        self.post = PostOffice(client, self.settings, storage)

    def publish(self, *events: bytes, shard: int = 0) -> None:
        for event in events:
            self.client.xadd(streams.stream(shard), {streams.FIELD: event})

    def drain(self) -> None:
        """Until nothing is left to record: what the post office says is an event, too."""
        while any(self.client.xlen(streams.stream(shard)) for shard in range(self.settings.shards)):
            assert "waiting" not in Drain(self.settings, self.client, self.storage, 0, post=self.post).run()

    def inbox(self, sandbox: str) -> list[dict[bytes, bytes]]:
        entries: Any = self.client.xrange(streams.inbox(sandbox))
        return [fields for _, fields in entries]

    def ids(self, sandbox: str) -> list[str]:
        return [fields[b"message_id"].decode() for fields in self.inbox(sandbox)]

    def take(self, sandbox: str, message: str) -> None:
        """What a mailbox does to acknowledge a message."""
        entries: Any = self.client.xrange(streams.inbox(sandbox))
        for entry, fields in entries:
            if fields[b"message_id"] == message.encode():
                self.client.xdel(streams.inbox(sandbox), entry)
        self.publish(raw("message.delivered", subject=message, to_sandbox_id=sandbox))

    def delivery(self, message: str, sandbox: str) -> Row:
        return all_rows(self.storage)["message_deliveries"][message, sandbox]

    def status(self, message: str, sandbox: str) -> str:
        return str(self.delivery(message, sandbox)["status"])

    def waiting(self) -> int:
        return count(self.storage, "outbox")

    def check(self) -> None:
        """All is recorded, nothing waits, and every row says what the journal says."""
        self.drain()
        assert (self.waiting(), dead_letters(self.storage), differences(self.storage)) == (0, [], [])


@pytest.fixture
def office(settings: Settings, client: redis.Redis, storage: Storage) -> Office:
    return Office(settings, client, storage)


def message(id: str, *to: str, sender: str = "alice", **data: Any) -> bytes:
    return raw("message.sent", subject=id, from_sandbox_id=sender, to_sandbox_ids=list(to), content=id, **data)


def in_seconds(seconds: float) -> str:
    return written_time(datetime.now(UTC) + timedelta(seconds=seconds))


def test_a_message_comes_into_the_inbox_of_each_recipient_as_it_was_sent(office: Office) -> None:
    sent = message("m1", "bob", "carol").replace(b",", b" ,")
    office.publish(sent)
    office.drain()
    assert office.inbox("bob") == office.inbox("carol") == [{b"event": sent, b"message_id": b"m1"}]
    delivery = office.delivery("m1", "bob")
    assert delivery["status"] == "sent"
    assert delivery["sent_at"] >= datetime.now(UTC) - timedelta(minutes=1)
    office.check()


def test_what_the_ledger_says_of_a_message_is_an_event_of_its_own(office: Office) -> None:
    office.publish(message("m1", "bob"))
    office.drain()
    with office.storage.reading() as connection:
        row = connection.execute(select(tables.events).where(tables.events.c.type == "message.dispatched")).one()
    assert (row.source, row.subject, json.loads(row.raw)["data"]) == ("/flowledger", "m1", {"to_sandbox_id": "bob"})


def test_messages_of_one_sender_come_in_the_order_in_which_they_were_sent(office: Office) -> None:
    office.settings = office.settings.model_copy(update={"batch_entries": 2})
    office.post = PostOffice(office.client, office.settings.model_copy(update={"inbox_messages": 1000}), office.storage)
    for place in range(9):
        office.publish(message(f"m{place}", "bob", time=None), message(f"n{place}", "bob", sender="carol"))
    office.drain()
    ids = office.ids("bob")
    assert [one for one in ids if one[0] == "m"] == [f"m{place}" for place in range(9)]
    assert [one for one in ids if one[0] == "n"] == [f"n{place}" for place in range(9)]
    office.check()


@pytest.mark.parametrize("step", ["_deliver", "_rooms", "_put"])
def test_a_drain_that_dies_between_commit_and_inbox_leaves_it_to_the_next(
    office: Office, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    office.publish(message("m1", "bob"), message("m2", "bob"))
    with monkeypatch.context() as broken:
        broken.setattr(PostOffice, step, _dies)
        result = Drain(office.settings, office.client, office.storage, 0).run()
        assert "ConnectionError" in result["waiting"]
    assert (office.ids("bob"), office.waiting()) == ([], 2)
    office.publish(message("m3", "bob"))
    office.drain()
    assert office.ids("bob") == ["m1", "m2", "m3"]
    office.check()


def test_a_drain_that_dies_behind_the_inbox_does_not_put_it_there_twice(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.publish(message("m1", "bob"))
    with monkeypatch.context() as broken:
        broken.setattr("workers.shards.Shards.done", _dies)
        Drain(office.settings, office.client, office.storage, 0).run()
    assert (office.ids("bob"), office.client.xlen(streams.stream(0))) == (["m1"], 1)
    office.drain()
    office.post.look()
    assert office.ids("bob") == ["m1"]
    office.check()


def test_a_message_that_is_sent_again_is_not_put_into_the_inbox_again(office: Office) -> None:
    sent = message("m1", "bob")
    office.publish(sent)
    office.drain()
    office.publish(sent, message("m1", "bob"), message("m1", "bob", "carol"))
    office.drain()
    assert (office.ids("bob"), office.ids("carol")) == (["m1"], ["m1"])
    office.take("bob", "m1")
    office.drain()
    office.publish(message("m1", "bob"))
    office.drain()
    assert office.ids("bob") == []
    office.check()


def test_a_mark_that_got_lost_does_not_bring_a_message_again_that_was_acknowledged(office: Office) -> None:
    office.publish(message("m1", "bob"))
    Drain(office.settings.model_copy(update={"drain_seconds": 1e-9}), office.client, office.storage, 0).run()
    assert office.waiting() == 1, "the dispatch is not recorded yet"
    office.client.delete(streams.posted("m1", "bob"))
    office.client.zadd(streams.taken("bob"), {"m1": 1})
    assert office.post.look() == Looked(put=1, expired=0)
    assert len(office.inbox("bob")) == 1


def test_a_full_inbox_leaves_the_rest_in_the_database_and_gets_it_in_order(office: Office) -> None:
    office.publish(*(message(f"m{place}", "bob") for place in range(8)), message("n", "carol"))
    office.drain()
    assert (office.ids("bob"), office.ids("carol"), office.waiting()) == (["m0", "m1", "m2"], ["n"], 5)
    assert [office.status(f"m{place}", "bob") for place in (2, 3)] == ["sent", "pending"]
    office.publish(message("m8", "bob"))
    office.drain()
    assert office.ids("bob") == ["m0", "m1", "m2"], "none goes before those that wait"
    seen = []
    for place in range(9):
        seen += office.ids("bob")[:1]
        office.take("bob", f"m{place}")
        office.drain()
    assert seen == [f"m{place}" for place in range(9)]
    office.check()


def test_a_full_redis_leaves_messages_in_the_database_until_it_has_room(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    office.publish(*(message(f"m{place}", "bob") for place in range(3)))
    office.client.config_set("maxmemory", 1)
    try:
        office.drain()
        office.post.look()
        assert (office.ids("bob"), office.waiting()) == ([], 3)
    finally:
        office.client.config_set("maxmemory", 0)
    assert office.post.look().put == 3
    assert office.ids("bob") == ["m0", "m1", "m2"]
    assert [record.message.split(":")[0] for record in caplog.records] == [
        "Redis has no memory left for inboxes",
        "messages go to the inboxes again",
    ]
    office.check()


def test_a_redis_that_lost_an_inbox_gets_it_again_as_long_as_it_was_not_recorded(office: Office) -> None:
    office.publish(message("m1", "bob"))
    Drain(office.settings.model_copy(update={"drain_seconds": 1e-9}), office.client, office.storage, 0).run()
    office.client.flushdb()
    assert office.waiting() == 1
    office.post.look()
    assert office.ids("bob") == ["m1"]
    office.check()


def test_an_inbox_that_is_none_is_its_recipients_trouble_alone(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    office.client.set(streams.inbox("bob"), "not a stream")
    office.publish(message("m1", "bob", "carol"))
    office.drain()
    assert (office.ids("carol"), office.waiting()) == (["m1"], 1)
    assert "the inbox of 'bob' cannot be used" in caplog.text
    office.client.delete(streams.inbox("bob"))
    office.post.look()
    assert office.ids("bob") == ["m1"]
    office.check()


# --- broadcasts


def broadcast(id: str, workspace: str) -> bytes:
    to = {"to_sandbox_ids": ABSENT, "broadcast": True, "workspace_id": workspace}
    return raw("message.sent", subject=id, from_sandbox_id="alice", content=id, **to)


def test_a_broadcast_goes_to_the_sandboxes_that_its_workspace_has_when_it_is_recorded(office: Office) -> None:
    office.publish(*(raw("sandbox.created", subject=one, workspace_id="lab") for one in ("alice", "bob", "carol")))
    office.publish(raw("sandbox.created", subject="dave", workspace_id="elsewhere"))
    office.drain()
    office.publish(broadcast("m1", "lab"), raw("sandbox.created", subject="erin", workspace_id="lab"))
    office.drain()
    assert {one for one in ("alice", "bob", "carol", "dave", "erin") if office.ids(one)} == {"alice", "bob", "carol"}
    assert office.status("m1", "carol") == "sent"
    office.publish(broadcast("m1", "lab"))
    office.drain()
    assert office.ids("bob") == ["m1"], "the same message again"
    office.check()


def test_a_broadcast_to_nobody_is_recorded_and_waits_for_nothing(office: Office) -> None:
    office.publish(broadcast("m1", "empty"))
    office.drain()
    assert all_rows(office.storage)["message_deliveries"] == {}
    office.check()


def test_a_broadcast_that_a_drain_died_over_keeps_its_recipients(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.publish(raw("sandbox.created", subject="bob", workspace_id="lab"), broadcast("m1", "lab"))
    with monkeypatch.context() as broken:
        broken.setattr(PostOffice, "after", _dies)
        Drain(office.settings, office.client, office.storage, 0).run()
    office.publish(raw("sandbox.created", subject="carol", workspace_id="lab"))
    office.drain()
    assert (office.ids("bob"), office.ids("carol")) == (["m1"], [])
    office.check()


# --- ends


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
    office.publish(message("m1", "bob", expires_at=in_seconds(0.2)), message("m2", "bob"))
    office.drain()
    wait_until(lambda: office.post.look().expired == 1)
    office.drain()
    assert office.ids("bob") == ["m2"]
    assert (office.status("m1", "bob"), office.delivery("m1", "bob")["sent_at"] is not None) == ("expired", True)
    assert office.post.look().expired == 0
    assert office.client.zcard(streams.EXPIRIES) == 0
    office.check()


def test_a_message_that_expired_before_it_was_recorded_comes_into_no_inbox(office: Office) -> None:
    office.publish(message("m1", "bob", expires_at="2026-01-31T12:00:00Z"))
    office.drain()
    assert office.inbox("bob") == []
    assert office.post.look() == Looked(put=0, expired=1)
    assert office.post.look() == Looked(put=0, expired=0)
    office.drain()
    assert office.status("m1", "bob") == "expired"
    office.check()


def test_messages_expire_behind_a_full_inbox(office: Office) -> None:
    office.publish(
        *(message(f"m{place}", "bob") for place in range(3)), message("m3", "bob", expires_at=in_seconds(0.05))
    )
    office.drain()
    wait_until(lambda: office.post.look().expired == 1)
    office.drain()
    assert office.status("m3", "bob") == "expired"
    office.check()


def test_a_message_in_the_hands_of_a_living_consumer_does_not_expire(office: Office) -> None:
    office.publish(message("m1", "bob", expires_at=in_seconds(0.5)))
    office.drain()
    inbox = streams.inbox("bob")
    office.client.xgroup_create(inbox, streams.MAILBOX_GROUP, "0")
    office.client.xreadgroup(streams.MAILBOX_GROUP, "1", {inbox: ">"})
    office.client.hset(streams.consumers("bob"), "1", str(_redis_now(office.client)))
    wait_until(lambda: time.time() * 1000 > int(office.inbox("bob")[0][b"expires_at"]))
    assert office.post.look().expired == 0
    assert office.ids("bob") == ["m1"]
    office.client.hset(streams.consumers("bob"), "1", "0")  # it died long ago
    office.client.zadd(streams.EXPIRIES, {json.dumps(["m1", "bob"], separators=(",", ":")): 0})
    assert office.post.look().expired == 1
    office.drain()
    assert (office.ids("bob"), office.status("m1", "bob")) == ([], "expired")
    office.check()


def _redis_now(client: redis.Redis) -> int:
    seconds, microseconds = client.time()
    return int(seconds) * 1000 + int(microseconds) // 1000


def _dies(*_: object, **__: object) -> None:
    raise redis.ConnectionError("the connection is gone")
