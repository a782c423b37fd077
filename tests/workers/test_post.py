"""The post office: from the journal into the inboxes, once, in order, and to a true end."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from sqlalchemy import select

from flowledger.domain import streams
from flowledger.storage import tables
from flowledger.workers.drain import Drain
from flowledger.workers.inboxes import Inboxes, Letter
from flowledger.workers.post import PostOffice
from tests import rows
from tests.builders import ABSENT, raw
from tests.storage.recording import all_rows, dead_letters
from tests.workers.office import Office, message, put_and_expired


def test_a_message_comes_into_the_inbox_of_each_recipient_as_it_was_sent_to_it_alone(office: Office) -> None:
    sent = message("m1", "bob", "carol", more=1.50).replace(b",", b" ,")
    alone = message("m2", "bob").replace(b",", b" ,")
    office.publish(sent, alone)
    office.drain()
    bobs, carols = (sent.replace(b'"bob" , "carol"', name) for name in (b'"bob"', b'"carol"'))
    assert office.inbox("bob") == [
        {b"event": bobs, b"message_id": b"m1"}, {b"event": alone, b"message_id": b"m2"},
    ]  # fmt: skip
    assert office.inbox("carol") == [{b"event": carols, b"message_id": b"m1"}]
    delivery = office.delivery("m1", "bob")
    assert delivery["status"] == "sent"
    assert delivery["sent_at"] >= datetime.now(UTC) - timedelta(minutes=1)
    office.check()


def test_what_the_ledger_says_of_a_message_is_an_event_of_its_own(office: Office) -> None:
    office.publish(raw("message.sent", subject="m1", id="e", from_sandbox_id="alice", to_sandbox_ids=["bob"]))
    office.drain()
    with office.storage.reading() as connection:
        is_it = tables.events.c.type == "message.dispatched"
        row = connection.execute(select(tables.events).where(is_it)).one()
        dispatched = connection.execute(rows.JOURNAL.where(is_it)).scalar_one()
    assert (row.source, row.subject) == ("/flowledger", "m1")
    assert json.loads(dispatched)["data"] == {"to_sandbox_id": "bob", "event_source": "/tests", "event_id": "e"}


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


@pytest.mark.parametrize("step", ["take_messages", "rooms", "put"])
def test_a_drain_that_dies_between_commit_and_inbox_leaves_it_to_the_next(
    office: Office, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    office.publish(message("m1", "bob"), message("m2", "bob"))
    with monkeypatch.context() as broken:
        broken.setattr(Inboxes, step, _dies)
        result = Drain(office.settings, office.client, office.storage, 0).run()
        assert "ConnectionError" in result["waiting"]
    assert (office.ids("bob"), office.waiting()) == ([], 2)
    office.publish(message("m3", "bob"))
    office.drain()
    assert office.ids("bob") == ["m1", "m2", "m3"]
    office.check()


def test_a_delivery_under_way_while_redis_is_emptied_does_not_put_what_was_acknowledged_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.publish(message("m1", "bob"))
    put = Inboxes.put

    def late(inboxes: Inboxes, letters: dict[str, list[Letter]], broker: bytes) -> dict[str, int]:
        monkeypatch.setattr(Inboxes, "put", put)
        office.look()
        office.take("bob", "m1")
        office.drain()
        office.client.flushdb()
        return put(inboxes, letters, broker)

    monkeypatch.setattr(Inboxes, "put", late)
    office.drain()
    assert (office.ids("bob"), office.status("m1", "bob")) == ([], "delivered")
    office.publish(message("m2", "bob"))
    office.drain()
    assert office.ids("bob") == ["m2"]
    office.check()


def test_a_drain_that_dies_behind_the_inbox_does_not_put_it_there_twice(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = Inboxes.put

    def put_and_die(*arguments: Any) -> None:
        put(*arguments)
        _dies()

    office.publish(message("m1", "bob"))
    with monkeypatch.context() as broken:
        broken.setattr(Inboxes, "put", put_and_die)
        Drain(office.settings, office.client, office.storage, 0, post=office.post).run()
    assert (office.ids("bob"), office.waiting()) == (["m1"], 1)
    office.look()
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


@pytest.mark.parametrize("waits", [True, False])
def test_what_was_recorded_comes_into_the_inbox_and_no_conflict_with_it(office: Office, waits: bool) -> None:
    said = {"subject": "m", "id": "e", "from_sandbox_id": "alice", "to_sandbox_ids": ["bob"]}
    first, conflict = raw("message.sent", **said, content="first"), raw("message.sent", **said, content="conflict")
    before = ["m0", "m1", "m2"] if waits else []
    office.publish(*(message(one, "bob") for one in before), first)
    if waits:
        office.drain()
        office.take("bob", "m0")
    office.publish(conflict)
    office.drain()
    assert office.ids("bob") == [*before[1:], "m"]
    assert office.inbox("bob")[-1][b"event"] == first
    assert [letter.reason for letter in dead_letters(office.storage)] == ["conflict"]


def test_an_end_that_is_a_conflict_ends_nothing(office: Office) -> None:
    office.publish(raw("message.delivered", subject="m0", id="e", to_sandbox_id="bob"), message("m1", "bob"))
    office.drain()
    office.publish(raw("message.delivered", subject="m1", id="e", to_sandbox_id="bob"))
    office.drain()
    assert (office.ids("bob"), office.status("m1", "bob")) == (["m1"], "sent")


def test_a_mark_that_got_lost_does_not_bring_a_message_again_that_was_acknowledged(office: Office) -> None:
    office.publish(message("m1", "bob"))
    Drain(office.settings.model_copy(update={"drain_seconds": 1e-9}), office.client, office.storage, 0).run()
    assert office.waiting() == 1, "the dispatch is not recorded yet"
    office.client.delete(streams.posted("m1", "bob"))
    office.client.zadd(streams.taken("bob"), {"m1": 1})
    office.client.expire(streams.taken("bob"), 60)
    assert put_and_expired(office.look()) == (1, 0)
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


def test_what_waits_is_read_some_at_a_time(office: Office) -> None:
    office.post = PostOffice(office.client, office.settings.model_copy(update={"inbox_messages": 100}), office.storage)
    office.publish(*(message(f"m{place:02}", "bob") for place in range(50)))
    office.client.config_set("maxmemory", 1)
    try:
        office.drain()
    finally:
        office.client.config_set("maxmemory", 0)
    assert office.look()["put"] == 50
    assert office.ids("bob") == [f"m{place:02}" for place in range(50)]
    office.check()


def test_a_full_redis_leaves_messages_in_the_database_until_it_has_room(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    office.publish(*(message(f"m{place}", "bob") for place in range(3)))
    office.client.config_set("maxmemory", 1)
    try:
        office.drain()
        office.look()
        assert (office.ids("bob"), office.waiting()) == ([], 3)
    finally:
        office.client.config_set("maxmemory", 0)
    assert office.look()["put"] == 3
    assert office.ids("bob") == ["m0", "m1", "m2"]
    assert [record.message.split(":")[0] for record in caplog.records] == [
        "Redis has no memory left for inboxes",
        "messages are put into inboxes again",
    ]
    office.check()


def test_a_redis_that_lost_an_inbox_gets_it_again_as_long_as_it_was_not_recorded(office: Office) -> None:
    office.publish(message("m1", "bob"))
    Drain(office.settings.model_copy(update={"drain_seconds": 1e-9}), office.client, office.storage, 0).run()
    office.client.flushdb()
    assert office.waiting() == 1
    office.look()
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
    office.look()
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
        broken.setattr(PostOffice, "deliver", _dies)
        Drain(office.settings, office.client, office.storage, 0).run()
    office.publish(raw("sandbox.created", subject="carol", workspace_id="lab"))
    office.drain()
    office.look()
    assert (office.ids("bob"), office.ids("carol")) == (["m1"], [])
    office.check()


def _dies(*_: object, **__: object) -> None:
    raise redis.ConnectionError("the connection is gone")
