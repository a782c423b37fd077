"""A message is its sender's: of two that use one id, the one recorded first has it, and the other is told."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Any, Final

import pytest
import redis
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from flowledger.client import Mailbox
from flowledger.domain import streams
from flowledger.domain.limits import Limits
from flowledger.domain.mending import Changes, path_of
from flowledger.domain.settings import Settings
from flowledger.storage import tables
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.recorder import Recorded, Recorder
from flowledger.workers.replay import Replayer, Result
from flowledger.workers.verify import verify
from tests import rows
from tests.builders import entries, raw
from tests.conftest import settings_for
from tests.storage.recording import all_rows, count, dead_letters, differences, empty, record, row
from tests.workers.replaying import drain

ROUNDS: Final = 5
IDS: Final = 100


def sent(sender: str, message: str = "order-7", **arguments: Any) -> bytes:
    """What a producer says who gives his messages ids of his own."""
    to = {"source": f"/sandboxes/{sender}", "to_sandbox_ids": ["sb_b"], "content": f"from {sender}"}
    return raw("message.sent", **{"subject": message, "from_sandbox_id": sender} | to | arguments)


def owners(storage: Storage) -> dict[str, set[str]]:
    """Who has sent each message, as the journal says."""
    of_sent = rows.JOURNAL.where(tables.events.c.type == "message.sent")
    found: dict[str, set[str]] = {}
    with storage.reading() as connection:
        for text in connection.execute(of_sent).scalars():
            event = json.loads(text)
            found.setdefault(event["subject"], set()).add(event["data"]["from_sandbox_id"])
    return found


@pytest.mark.parametrize("in_one_batch", [True, False])
@pytest.mark.parametrize(("first", "second"), [("sb_a", "sb_c"), ("sb_c", "sb_a")])
def test_the_second_sender_of_an_id_is_told_and_changes_nothing(
    storage: Storage, first: str, second: str, in_one_batch: bool
) -> None:
    bodies = sent(first), sent(second, time="2027-01-01T00:00:00Z", to_sandbox_ids=["sb_d"])
    if in_one_batch:
        assert record(storage, *bodies) == Recorded(recorded=1, dead=1)
    else:
        assert record(storage, bodies[0]) == Recorded(recorded=1)
        before = all_rows(storage)
        assert record(storage, bodies[1], start=2) == Recorded(dead=1)
        assert all_rows(storage) == before
    (letter,) = dead_letters(storage)
    assert (letter.reason, letter.field, letter.raw) == ("conflict", "subject", bodies[1])
    words = "subject: is the id of a message that {!r} has sent: give this one an id of its own (--set subject=…)"
    assert letter.detail == words.format(first)
    assert row(storage, "messages", "order-7")["from_sandbox_id"] == first
    assert (count(storage, "events"), count(storage, "message_deliveries"), count(storage, "outbox")) == (1, 1, 1)
    assert differences(storage) == []
    assert verify(storage).is_well


def test_what_was_refused_is_no_message_for_the_post_office(storage: Storage) -> None:
    outcome = record(storage, sent("sb_a", id="1"), sent("sb_c", id="2"))
    assert [event.id for event in outcome.messages] == ["1"]


def test_the_same_sender_may_send_it_again(storage: Storage) -> None:
    assert record(storage, sent("sb_a", id="1"), sent("sb_a", id="2"), sent("sb_a", id="1")).repeated == 1
    assert (count(storage, "events"), dead_letters(storage)) == (2, [])


def test_who_only_speaks_of_a_message_does_not_own_it(storage: Storage) -> None:
    delivered = raw("message.delivered", subject="order-7", to_sandbox_id="sb_c")
    assert record(storage, delivered, sent("sb_a"), sent("sb_c")) == Recorded(recorded=2, dead=1)
    assert row(storage, "messages", "order-7")["from_sandbox_id"] == "sb_a"


def test_an_event_that_is_a_dead_letter_takes_no_id_away(storage: Storage) -> None:
    """Its name was recorded with other content: nothing that it says has an effect."""
    record(storage, raw("task.started", source="/x", id="1"))
    assert record(storage, sent("sb_c", source="/x", id="1"), start=2) == Recorded(dead=1)
    assert record(storage, sent("sb_a"), start=3) == Recorded(recorded=1)
    assert [(letter.reason, letter.field) for letter in dead_letters(storage)] == [("conflict", "id")]


def test_a_repair_does_not_depend_on_who_was_refused(storage: Storage) -> None:
    record(storage, sent("sb_a"), sent("sb_c"))
    with storage.engine.begin() as connection:
        connection.execute(tables.messages.update().values(from_sandbox_id="sb_x"))
    assert not verify(storage).is_well
    assert verify(storage, mend=True).is_well
    assert record(storage, sent("sb_c"), sent("sb_a"), start=3) == Recorded(recorded=1, dead=1)
    assert differences(storage) == []


def test_with_an_id_of_its_own_it_arrives(settings: Settings, client: redis.Redis, storage: Storage) -> None:
    for body in (sent("sb_a"), sent("sb_c")):
        client.xadd(streams.stream(0), {streams.FIELD: body})
        drain(settings, client, storage)
    (letter,) = dead_letters(storage)
    replayer = Replayer(settings, storage, client)
    for done in (*replayer.try_out([letter.id]), *replayer.replay([letter.id], who="jo")):
        assert (done.result, done.reason, done.field) == (Result.REFUSED, "conflict", "subject")
    mend = Changes(set=((path_of("subject"), '"cancel-7"'),))
    assert [one.result for one in replayer.replay([letter.id], who="jo", changes=mend)] == [Result.REPLAYED]
    drain(settings, client, storage)
    inbox: Any = client.xrange(streams.inbox("sb_b"))
    assert [fields[b"message_id"] for _, fields in inbox] == [b"order-7", b"cancel-7"]


def at_once(*work: Callable[[], Any]) -> list[Any]:
    """Does all of it, each in a thread of its own, from the same moment on."""
    gate, results = threading.Barrier(len(work)), [None] * len(work)

    def do(place: int) -> None:
        gate.wait()
        results[place] = work[place]()

    threads = [threading.Thread(target=do, args=(place,)) for place in range(len(work))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_of_two_at_once_one_is_recorded_and_the_other_told(database_url: str) -> None:
    """Two senders are in two shards, recorded by two drains."""
    with Storage(make_engine(settings_for(database_url))) as storage:
        total: Counter[str] = Counter()
        for number in range(ROUNDS):
            batches = [
                entries([sent(sender, f"m-{number}-{place}") for place in range(IDS)], 1 + number * IDS)
                for sender in ("sb_a", "sb_c")
            ]
            shards = [[one._replace(shard=shard) for one in batch] for shard, batch in enumerate(batches)]
            outcomes = at_once(*(partial(Recorder(storage, Limits()).record, some) for some in shards))
            for outcome in outcomes:
                total.update(recorded=outcome.recorded, repeated=outcome.repeated, dead=outcome.dead)
        assert total == Counter(recorded=ROUNDS * IDS, dead=ROUNDS * IDS)
        assert {(letter.reason, letter.field) for letter in dead_letters(storage)} == {("conflict", "subject")}
        found = owners(storage)
        assert len(found) == ROUNDS * IDS
        assert all(len(senders) == 1 for senders in found.values())
        assert differences(storage) == []


SENT: Final = st.tuples(st.sampled_from(["sb_a", "sb_c", "sb_d"]), st.sampled_from(["m", "n"]), st.sampled_from("12"))


@examples(max_examples=30)
@given(st.lists(SENT, min_size=1, max_size=12), st.data())
def test_in_any_order_each_is_recorded_or_told(
    storage: Storage, messages: list[tuple[str, str, str]], data: st.DataObject
) -> None:
    empty(storage)
    bodies = [sent(sender, message, id=f"{place} {id_}") for place, (sender, message, id_) in enumerate(messages)]
    outcome = record(storage, *data.draw(st.permutations([*bodies, *bodies])))
    letters = dead_letters(storage)
    assert outcome.recorded == count(storage, "events")
    assert outcome.recorded + len({letter.raw for letter in letters}) == len(bodies), "none is silent"
    assert all(len(senders) == 1 for senders in owners(storage).values())
    assert differences(storage) == []


def test_mailboxes_give_their_messages_ids_that_nobody_else_has(
    settings: Settings, client: redis.Redis, storage: Storage, redis_url: str
) -> None:
    with closing(Mailbox("sb_a", redis_url)) as alice, closing(Mailbox("sb_c", redis_url)) as carol:
        said = [mailbox.send("sb_b", mailbox.sandbox_id, id="order-7") for mailbox in (alice, carol)]
        said.append(alice.send("sb_b", "sb_a", id=said[0].message_id))
        drain(settings, client, storage)
        with Mailbox("sb_b", redis_url) as bob:
            got = bob.receive_many(10, 1)
            bob.ack_many(got)
    drain(settings, client, storage)
    assert [one.message_id for one in said] == ["sb_a/order-7", "sb_c/order-7", "sb_a/order-7"]
    assert {(one.id, one.content) for one in got} == {("sb_a/order-7", "sb_a"), ("sb_c/order-7", "sb_c")}
    assert dead_letters(storage) == []
    for one in got:
        assert row(storage, "messages", one.id)["content"] == one.content
        assert row(storage, "message_deliveries", one.id, "sb_b")["status"] == "delivered"
