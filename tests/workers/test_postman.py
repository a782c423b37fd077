"""The postman: one at a time, in small steps, behind the drains; what it leaves, another turn does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from flowledger.domain import streams
from flowledger.workers import postman
from flowledger.workers.entries import Entry
from flowledger.workers.post import AT_ONCE, PostOffice
from flowledger.workers.post_bell import PostBell
from flowledger.workers.postman import Postman, PostResult
from flowledger.workers.recorder import Recorded, Recorder
from tests.builders import ABSENT, raw
from tests.workers.office import Office, message

MANY = 3 * AT_ONCE + 1


class Rung:
    """A bell that counts."""

    def __init__(self, office: Office) -> None:
        self.count = 0
        self.bell = PostBell(office.client, self._send)
        office.post = PostOffice(office.client, office.settings, office.storage, self.bell)

    def _send(self) -> None:
        self.count += 1


@pytest.fixture
def rung(office: Office) -> Rung:
    return Rung(office)


def turn(office: Office, rung: Rung, **settings: object) -> PostResult:
    return Postman(office.client, office.settings.model_copy(update=settings), office.post, rung.bell).run()


def cast(office: Office, count: int = MANY) -> list[str]:
    """A broadcast to so many; their names."""
    names = [f"sb_{place:04}" for place in range(count)]
    office.publish(*(raw("sandbox.created", subject=name, workspace_id="lab") for name in names))
    office.drain()
    to = {"to_sandbox_ids": ABSENT, "broadcast": True, "workspace_id": "lab"}
    office.publish(raw("message.sent", subject="m", from_sandbox_id="alice", content="all", **to))
    office.drain()
    return names


def in_inboxes(office: Office, names: list[str]) -> int:
    return sum(office.client.xlen(streams.inbox(name)) for name in names)


def test_a_drain_delivers_a_little_and_rings_for_the_rest(office: Office, rung: Rung) -> None:
    names = cast(office)
    assert in_inboxes(office, names) == AT_ONCE
    assert rung.count == 1
    while rung.count:
        rung.count = 0
        turn(office, rung)
        office.drain()
    assert in_inboxes(office, names) == MANY
    office.check()


def test_a_turn_that_is_over_is_gone_on_with_by_another(office: Office, rung: Rung) -> None:
    names = cast(office)
    turns = 0
    while rung.count:
        rung.count = 0
        turns += 1
        result = turn(office, rung, drain_seconds=1e-9)
        assert result["put"] <= AT_ONCE
        office.drain()
    assert turns > 3
    assert in_inboxes(office, names) == MANY
    assert not office.client.exists(streams.WALK, streams.POSTMAN, streams.POST_BELL)
    office.check()


def test_one_that_dies_is_followed_by_another_that_goes_on(office: Office, rung: Rung) -> None:
    names = cast(office)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Postman, "_goes_on", _dies)
        patch.setattr(Postman, "_end", _dies)
        with pytest.raises(RuntimeError):
            turn(office, rung)
    assert turn(office, rung) == {"waiting": "another postman has the turn"}
    assert 0 < office.client.pttl(streams.POSTMAN) <= office.settings.lease_seconds * 1000
    office.client.delete(streams.POSTMAN)  # its lease has run out
    while in_inboxes(office, names) < MANY:
        turn(office, rung)
        office.drain()
    office.check()


def test_who_rings_while_another_is_at_work_is_not_forgotten(office: Office, rung: Rung) -> None:
    office.client.set(streams.POSTMAN, "another", px=60_000)
    cast(office)
    assert rung.count == 1
    assert turn(office, rung) == {"waiting": "another postman has the turn"}
    assert office.client.exists(streams.POST_BELL), "the other one sees it at its end"


def test_it_stays_behind_the_drains(office: Office, rung: Rung, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postman, "_PATIENCE_SECONDS", 0.01)
    names = cast(office)
    put = turn(office, rung)["put"]
    assert put <= 2 * AT_ONCE, "nobody records what it says, so it leaves"
    assert in_inboxes(office, names) < MANY
    assert rung.count


def test_a_large_delivery_is_told_of(
    office: Office, rung: Rung, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(postman, "_LARGE", AT_ONCE)
    cast(office)
    while rung.count:
        rung.count = 0
        turn(office, rung, drain_seconds=1e-9)
        office.drain()
    told = [record.message.partition(":")[0] for record in caplog.records]
    assert told == ["a large delivery is under way", "the large delivery is done"]


def test_the_order_of_an_inbox_holds_whoever_delivers(office: Office, rung: Rung) -> None:
    names = cast(office)
    last = names[-1]
    office.publish(message("n1", last), message("n2", names[0]))
    office.drain()
    assert office.ids(last) == ["m", "n1"], "the drain delivers the broadcast first"
    while rung.count:
        rung.count = 0
        turn(office, rung)
        office.drain()
    assert (office.ids(last), office.ids(names[0])) == (["m", "n1"], ["m", "n2"])
    office.check()


def test_a_bell_that_nobody_answers_waits_for_a_process(office: Office, rung: Rung) -> None:
    cast(office)
    assert not office.post.waits_for_a_process()
    office.client.pexpire(streams.POST_BELL, 1_000)  # it rang long ago
    assert office.post.waits_for_a_process()
    office.client.set(streams.POSTMAN, "somebody", ex=60)
    assert not office.post.waits_for_a_process()


def _dies(*_: object) -> None:
    raise RuntimeError


def test_a_message_to_many_is_recorded_after_the_other_shards(office: Office, rung: Rung) -> None:
    flushed: list[int] = []
    record = Recorder.record

    def recording(self: Recorder, entries: Sequence[Entry], fuses: Any, sources: Any) -> Recorded:
        flushed.append(len({entry.shard for entry in entries}))
        return record(self, entries, fuses, sources)

    names = [f"sb_{place:04}" for place in range(600)]
    office.publish(message("m1", *names))
    for shard in range(1, office.settings.shards):
        office.publish(raw("task.created", subject=f"t{shard}"), shard=shard)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Recorder, "record", recording)
        office.drain()
    assert flushed[:2] == [office.settings.shards - 1, 1]
    assert rung.count == 1
