"""What Redis has lost of the inboxes is put there again: once, in order, and only what the ledger had put there."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import redis

from flowledger.domain import streams
from flowledger.storage.ledger.outbox import Outgoing
from flowledger.workers import redelivery
from flowledger.workers.post import PostOffice
from flowledger.workers.redelivery import Redelivered
from tests.builders import raw
from tests.waiting import wait_until
from tests.workers.office import Office, in_seconds, message


def redeliver(office: Office, sandbox: str | None = None, *, dry_run: bool = False) -> Redelivered:
    return redelivery.redeliver(office.client, office.settings, office.storage, sandbox=sandbox, dry_run=dry_run)


def roomy(office: Office, messages: int = 1000) -> Office:
    office.settings = office.settings.model_copy(update={"inbox_messages": messages})
    office.post = PostOffice(office.client, office.settings, office.storage)
    return office


def lost(office: Office, *events: bytes) -> None:
    """Messages that were put into their inboxes; then Redis lost its data."""
    office.publish(*events)
    office.drain()
    office.client.flushdb()


def test_what_was_sent_and_is_lost_comes_into_its_inbox_again_as_it_was_sent(office: Office) -> None:
    sent = message("m1", "bob", "carol").replace(b",", b" ,")
    lost(office, sent)
    assert redeliver(office) == Redelivered(put=2)
    bobs, carols = (sent.replace(b'"bob" , "carol"', name) for name in (b'"bob"', b'"carol"'))
    assert office.inbox("bob") == [{b"event": bobs, b"message_id": b"m1"}]
    assert office.inbox("carol") == [{b"event": carols, b"message_id": b"m1"}]
    office.check()
    office.take("bob", "m1")
    office.drain()
    assert (office.status("m1", "bob"), office.status("m1", "carol")) == ("delivered", "sent")
    office.check()


def test_messages_come_again_in_the_order_in_which_they_were_put_there_first(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redelivery, "_AT_ONCE", 7)
    ids = [f"m{place * 7 % 40:02}" for place in range(40)]
    lost(roomy(office), *(message(one, "bob", "carol", time=None) for one in ids))
    assert redeliver(office) == Redelivered(put=80)
    assert (office.ids("bob"), office.ids("carol")) == (ids, ids)
    office.check()


def test_what_still_is_in_an_inbox_is_not_put_there_twice(office: Office) -> None:
    office.publish(message("m1", "bob"), message("m2", "bob"))
    office.drain()
    assert redeliver(office) == Redelivered(kept=2)
    office.client.flushdb()
    assert [redeliver(office), redeliver(office)] == [Redelivered(put=2), Redelivered(kept=2)]
    assert office.ids("bob") == ["m1", "m2"]
    office.check()


def test_what_redis_loses_again_while_it_is_put_there_again_has_to_be_asked_for_once_more(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.publish(message("m1", "bob"), message("m2", "bob"))
    office.drain()
    office.client.delete(*office.client.keys("ledger:posted:*"), streams.inbox("bob"))
    put = PostOffice.put_again

    def late(office_: PostOffice, recipient: str, outgoing: Sequence[Outgoing], broker: bytes) -> int:
        office.client.flushdb()
        return put(office_, recipient, outgoing, broker)

    with monkeypatch.context() as emptied:
        emptied.setattr(PostOffice, "put_again", late)
        assert redeliver(office) == Redelivered(no_room=2)
    assert redeliver(office) == Redelivered(put=2)
    office.check()


def test_what_came_after_the_loss_stays_before_what_was_lost(office: Office) -> None:
    lost(office, message("m1", "bob"))
    office.publish(message("m2", "bob"))
    office.drain()
    assert redeliver(office) == Redelivered(put=1, kept=1)
    assert office.ids("bob") == ["m2", "m1"]
    office.check()


def test_what_was_acknowledged_is_not_put_again_though_that_is_not_recorded_yet(office: Office) -> None:
    lost(office, message("m1", "bob"), message("m2", "bob"))
    office.client.zadd(streams.taken("bob"), {"m1": 1})
    office.client.expire(streams.taken("bob"), 60)
    assert redeliver(office) == Redelivered(put=1, kept=1)
    assert office.ids("bob") == ["m2"]


@pytest.mark.parametrize(
    "end",
    [
        raw("message.delivered", subject="m1", to_sandbox_id="bob"),
        raw("message.failed", subject="m1", to_sandbox_id="bob"),
        raw("message.expired", subject="m1", to_sandbox_id="bob"),
    ],
    ids=["delivered", "failed", "expired"],
)
def test_what_has_come_to_its_end_is_left_alone(office: Office, end: bytes) -> None:
    lost(office, message("m1", "bob"), end)
    assert redeliver(office) == Redelivered()
    assert office.inbox("bob") == []


def test_what_waits_in_the_outbox_is_the_post_offices(office: Office) -> None:
    lost(office, *(message(f"m{place}", "bob") for place in range(4)))
    assert office.waiting() == 1
    assert redeliver(office) == Redelivered(put=3)
    office.look()
    assert office.ids("bob") == ["m0", "m1", "m2"]
    assert office.waiting() == 1


# --- bounds


def test_an_inbox_takes_what_it_has_room_for_and_the_rest_another_time(office: Office) -> None:
    lost(roomy(office), *(message(f"m{place}", "bob", "carol") for place in range(5)))
    office.publish(message("n", "bob"))
    office.drain()
    roomy(office, 3)
    assert redeliver(office, dry_run=True) == Redelivered(put=5, kept=1, no_room=5)
    assert redeliver(office) == Redelivered(put=5, kept=1, no_room=5)
    assert (office.ids("bob"), office.ids("carol")) == (["n", "m0", "m1"], ["m0", "m1", "m2"])
    for one in ("n", "m0", "m1"):
        office.take("bob", one)
    office.drain()
    assert redeliver(office) == Redelivered(put=3, kept=3, no_room=2)
    assert office.ids("bob") == ["m2", "m3", "m4"]
    office.check()


def test_none_goes_before_one_that_did_not_go(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redelivery, "_AT_ONCE", 2)
    lost(roomy(office), *(message(f"m{place}", "bob") for place in range(6)))
    roomy(office, 3)
    put = PostOffice.put_again

    def put_and_take(self: PostOffice, recipient: str, outgoing: Sequence[Outgoing], broker: bytes) -> int:
        went = put(self, recipient, outgoing, broker)
        office.client.delete(streams.inbox(recipient))
        return went

    office.client.xadd(streams.inbox("bob"), {"event": "x"})
    office.client.xadd(streams.inbox("bob"), {"event": "x"})
    monkeypatch.setattr(PostOffice, "put_again", put_and_take)
    assert redeliver(office) == Redelivered(put=1, no_room=5)


def test_a_full_redis_takes_what_it_lost_when_it_has_room(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    lost(office, message("m1", "bob"), message("m2", "carol", expires_at=in_seconds(2)))
    office.client.config_set("maxmemory", 1)
    try:
        wait_until(lambda: redeliver(office, dry_run=True) == Redelivered(put=1, expired=1))
        assert redeliver(office) == Redelivered(no_room=2)
    finally:
        office.client.config_set("maxmemory", 0)
    assert [record.message.partition(":")[0] for record in caplog.records] == ["Redis has no memory left for inboxes"]
    assert redeliver(office) == Redelivered(put=1, expired=1)
    office.check()


@pytest.mark.parametrize("key", [streams.inbox("bob"), streams.taken("bob")], ids=["inbox", "taken"])
def test_an_inbox_that_cannot_be_used_is_its_recipients_trouble_alone(
    office: Office, caplog: pytest.LogCaptureFixture, key: str
) -> None:
    lost(office, message("m1", "bob", "carol"))
    office.client.set(key, "of another type", ex=60)
    assert redeliver(office) == Redelivered(put=1, no_room=1)
    assert office.ids("carol") == ["m1"]
    assert "the inbox of 'bob' cannot be used" in caplog.text


# --- expiry


def test_what_nobody_took_in_time_expires_and_is_not_put(office: Office) -> None:
    lost(office, message("m1", "bob", expires_at=in_seconds(2)), message("m2", "bob", expires_at=in_seconds(600)))
    wait_until(lambda: redeliver(office, dry_run=True) == Redelivered(put=1, expired=1))
    assert redeliver(office) == Redelivered(put=1, expired=1)
    office.drain()
    assert (office.ids("bob"), office.status("m1", "bob"), office.status("m2", "bob")) == (["m2"], "expired", "sent")
    assert redeliver(office) == Redelivered(kept=1)
    office.check()


def test_what_was_put_again_expires_in_its_time(office: Office) -> None:
    lost(office, message("m1", "bob", expires_at=in_seconds(2)))
    assert redeliver(office) == Redelivered(put=1)
    wait_until(lambda: office.look()["expired"] == 1)
    office.drain()
    assert (office.ids("bob"), office.status("m1", "bob")) == ([], "expired")
    office.check()


# --- what is asked for


def test_one_sandbox_may_be_meant(office: Office) -> None:
    lost(office, message("m1", "bob", "carol"), message("m2", "bob"))
    assert redeliver(office, "bob") == Redelivered(put=2)
    assert (office.ids("bob"), office.ids("carol")) == (["m1", "m2"], [])
    assert redeliver(office, "nobody") == Redelivered()


def test_a_dry_run_changes_nothing(office: Office) -> None:
    lost(office, message("m1", "bob"), message("m2", "carol", expires_at=in_seconds(2)))
    wait_until(lambda: redeliver(office, dry_run=True) == Redelivered(put=1, expired=1))
    assert office.client.dbsize() == 0


def test_it_tells_how_far_it_is(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redelivery, "_AT_ONCE", 2)
    lost(office, *(message(f"m{place}", "bob") for place in range(3)))
    told: list[tuple[int, int]] = []
    redelivery.redeliver(office.client, office.settings, office.storage, tell=lambda *told_: told.append(told_))
    assert told == [(2, 3), (3, 3)]


def test_another_that_does_the_same_at_once_puts_nothing_twice(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    lost(office, message("m1", "bob"), message("m2", "bob"))
    put = PostOffice.put_again

    def put_twice(self: PostOffice, recipient: str, outgoing: Sequence[Outgoing], broker: bytes) -> int:
        put(self, recipient, outgoing, broker)
        return put(self, recipient, outgoing, broker)

    monkeypatch.setattr(PostOffice, "put_again", put_twice)
    redeliver(office)
    assert office.ids("bob") == ["m1", "m2"]


def test_a_broker_that_goes_away_is_told_and_the_rest_is_put_another_time(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost(office, message("m1", "bob", "carol"))
    put = PostOffice.put_again

    def put_once(self: PostOffice, recipient: str, outgoing: Sequence[Outgoing], broker: bytes) -> int:
        if recipient == "carol":
            raise redis.ConnectionError("the connection is gone")
        return put(self, recipient, outgoing, broker)

    with monkeypatch.context() as broken:
        broken.setattr(PostOffice, "put_again", put_once)
        with pytest.raises(redis.ConnectionError):
            redeliver(office)
    assert redeliver(office) == Redelivered(put=1, kept=1)
    office.check()
