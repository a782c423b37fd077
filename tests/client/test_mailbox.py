"""Receiving and acknowledging messages as it should go (contract, section 8): one suite for both mailboxes."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zlib import crc32

import pytest
import redis

from flowledger.domain.errors import InvalidArgument, MailboxClosed, SettingsError
from flowledger.domain.streams import TAKEN_KEPT, taken
from tests.builders import to_bytes
from tests.client.agents import AGENT, OTHER, Agent, MakeAgent, PostOffice, contents, in_thread, received
from tests.client.looking import bodies, entries, events
from tests.client.test_faults import within
from tests.waiting import wait_until


def test_messages_are_received_in_the_order_of_the_inbox(agent: Agent, post: PostOffice) -> None:
    post.put(*range(25))
    assert [received(agent).content for _ in range(25)] == list(range(25))
    assert agent.receive(0) is None


def test_a_message_that_comes_later_is_waited_for(agent: Agent, post: PostOffice) -> None:
    waiting = in_thread(agent.receive)
    assert not waiting.done()
    post.put("late")
    with within(1):
        assert waiting.result().content == "late"


def test_without_a_message_the_time_is_waited_and_no_longer(agent: Agent) -> None:
    with within(1):
        assert agent.receive(0.05) is None


def test_a_message_is_all_that_was_sent(agent: Agent, post: PostOffice) -> None:
    sent = post.written(
        {"any": [1, None]},
        "msg_9",
        message_type="command",
        workspace_id="ws_1",
        thread_id="thread_1",
        in_reply_to="msg_8",
        execution_id="exec_1",
        task_id="task_1",
        expires_at="2126-01-31T12:00:00.5Z",
        priority=7,
        attributes={"correlationid": "c/1"},
    )
    post.put_event(sent)
    message = received(agent)
    told = {name: getattr(message, name) for name in message.__slots__ if name not in ("entry_id", "raw")}
    assert told == {
        "id": "msg_9",
        "from_sandbox_id": OTHER,
        "to": AGENT,
        "message_type": "command",
        "content": {"any": [1, None]},
        "thread_id": "thread_1",
        "in_reply_to": "msg_8",
        "workspace_id": "ws_1",
        "execution_id": "exec_1",
        "task_id": "task_1",
        "priority": 7,
        "sent_at": datetime(2026, 1, 31, 12, tzinfo=UTC),
        "expires_at": datetime(2126, 1, 31, 12, 0, 0, 500_000, tzinfo=UTC),
        "correlation_id": "c/1",
        "broadcast": False,
        "trace": None,
    }
    assert message.raw == to_bytes(sent)
    assert hash(message), "a content that cannot be hashed does no harm"


def test_a_broadcast_is_told_as_one(agent: Agent, post: PostOffice) -> None:
    broadcast = post.written(1, broadcast=True, workspace_id="ws_1")
    del broadcast["data"]["to_sandbox_ids"]
    post.put_event(broadcast)
    message = received(agent)
    assert (message.broadcast, message.workspace_id) == (True, "ws_1")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"1e400", Decimal("1e400")),
        (b"1" * 5000, Decimal("1" * 5000)),
        (b"18446744073709551616", 2**64),
        (b'"\\u0000 \\ud800"', "\x00 \ud800"),
        (b"null", None),
        (b'"' + b"x" * 2**21 + b'"', "x" * 2**21),
    ],
    ids=["1e400", "long", "2**64", "unplain", "null", "large"],
)
def test_content_is_read_as_it_was_written_whatever_this_clients_limits(
    agent: Agent, post: PostOffice, written: bytes, read: Any
) -> None:
    post.put_event(to_bytes(post.written("CONTENT")).replace(b'"CONTENT"', written))
    assert received(agent).content == read


def test_several_are_received_at_once(agent: Agent, post: PostOffice) -> None:
    post.put(*range(25))
    assert contents(agent.receive_many(3, 1)) == [0, 1, 2]
    assert contents(agent.receive_many(100, 1)) == list(range(3, 25))
    assert agent.receive_many(5, 0) == []


def test_several_wait_for_the_first_alone(agent: Agent, post: PostOffice) -> None:
    waiting = in_thread(agent.receive_many, 5)
    post.put("only")
    with within(1):
        assert contents(waiting.result()) == ["only"]


def test_a_loop_goes_on_until_the_mailbox_is_closed(agent: Agent, post: PostOffice) -> None:
    found: list[Any] = []
    looping = in_thread(lambda: found.extend(message.content for message in agent))
    post.put(*range(3))
    wait_until(lambda: len(post.holders().get("1", [])) == 3)
    post.put(3)
    wait_until(lambda: len(post.holders().get("1", [])) == 4)
    agent.close()
    looping.result(1)
    assert found == [0, 1, 2, 3]


# --- acknowledging


def test_what_is_acknowledged_is_delivered_and_gone(agent: Agent, post: PostOffice, server: redis.Redis) -> None:
    post.put("a", "b")
    message = received(agent)
    agent.ack(message)
    (told,) = events(server)
    moment = datetime.fromisoformat(told.pop("time"))
    assert abs((datetime.now(UTC) - moment).total_seconds()) < 60
    assert told.pop("id").startswith("evt_")
    assert told == {
        "specversion": "1.0",
        "source": f"/sandboxes/{AGENT}",
        "type": "message.delivered",
        "subject": "msg_a",
        "data": {"to_sandbox_id": AGENT},
    }
    assert (post.waiting(), post.holders(), post.taken()) == (["msg_b"], {"1": ["msg_b"]}, ["msg_a"])
    score = server.zscore(taken(AGENT), "msg_a")
    assert isinstance(score, float)
    assert abs(post.now_ms - score) < 5000


def test_what_cannot_be_dealt_with_has_failed(agent: Agent, post: PostOffice, server: redis.Redis) -> None:
    post.put("a")
    agent.nack(received(agent), "no such tool")
    (told,) = events(server)
    assert {name: told[name] for name in ("source", "type", "subject", "data")} == {
        "source": f"/sandboxes/{AGENT}",
        "type": "message.failed",
        "subject": "msg_a",
        "data": {"to_sandbox_id": AGENT, "reason": "no such tool"},
    }
    assert (post.waiting(), post.taken()) == ([], ["msg_a"])


def test_a_reason_is_text(agent: Agent, post: PostOffice, server: redis.Redis) -> None:
    post.put("a")
    with pytest.raises(InvalidArgument, match="reason"):
        agent.nack(received(agent), 7)  # type: ignore[arg-type]
    assert (post.waiting(), bodies(server)) == (["msg_a"], [])


def test_an_event_of_a_message_goes_to_the_messages_shard(agent: Agent, post: PostOffice, server: redis.Redis) -> None:
    post.put("a", id="msg_7")
    agent.ack(received(agent))
    assert [stream for stream, _, _ in entries(server)] == [f"ledger:events:{crc32(b'msg_7') % 8}"]


def test_to_acknowledge_twice_is_no_error_and_no_second_event(
    agent: Agent, post: PostOffice, server: redis.Redis
) -> None:
    post.put("a")
    message = received(agent)
    agent.ack(message)
    agent.ack(message)
    agent.nack(message, "late")
    assert [told["type"] for told in events(server)] == ["message.delivered"]


def test_several_are_acknowledged_at_once(agent: Agent, post: PostOffice, server: redis.Redis) -> None:
    post.put(*range(150))
    messages = agent.receive_many(150, 1)
    agent.ack_many([*messages, messages[0]])
    assert sorted(told["subject"] for told in events(server)) == sorted(message.id for message in messages)
    assert (post.waiting(), post.holders()) == ([], {})
    agent.ack_many([])


def test_a_message_of_an_earlier_mailbox_can_be_acknowledged(
    agent: Agent, make_agent: MakeAgent, post: PostOffice, server: redis.Redis
) -> None:
    post.put("a")
    message = received(agent)
    agent.close()
    make_agent(is_open=False).ack(message)
    assert [told["type"] for told in events(server)] == ["message.delivered"]
    assert post.waiting() == []


def test_a_message_to_another_sandbox_cannot_be_acknowledged(
    agent: Agent, make_agent: MakeAgent, post: PostOffice
) -> None:
    post.put("a", to=OTHER)
    message = received(make_agent(OTHER))
    with pytest.raises(ValueError, match=AGENT):
        agent.ack(message)


def test_only_so_many_acknowledged_messages_are_remembered(agent: Agent, post: PostOffice, server: redis.Redis) -> None:
    server.zadd(taken(AGENT), {f"old_{number}": number for number in range(TAKEN_KEPT + 3)})
    post.put("a")
    agent.ack(received(agent))
    ids = post.taken()
    assert (len(ids), ids[0], ids[-1]) == (TAKEN_KEPT, "old_4", "msg_a")


# --- closing, settings


def test_closing_ends_who_waits(agent: Agent) -> None:
    waiting = in_thread(agent.receive)
    wait_until(lambda: not waiting.done())
    with within(1):
        agent.close()
        with pytest.raises(MailboxClosed, match=AGENT):
            waiting.result()


def test_a_closed_mailbox_says_so(agent: Agent, post: PostOffice) -> None:
    post.put("a")
    message = received(agent)
    agent.close()
    agent.close()
    for work in (agent.receive, lambda: agent.ack(message), lambda: agent.send(OTHER, 1), agent.open):
        with pytest.raises(MailboxClosed):
            work()


def test_a_mailbox_closes_its_connections(make_agent: MakeAgent, server: redis.Redis) -> None:
    before = len(server.client_list())
    agent = make_agent()
    agent.receive(0)
    agent.close()
    wait_until(lambda: len(server.client_list()) == before, what="the end of the connections")


@pytest.mark.parametrize("sandbox_id", ["", "\x00", "\ud800"])
def test_a_mailbox_needs_the_id_of_a_sandbox(make_agent: MakeAgent, sandbox_id: str) -> None:
    with pytest.raises(SettingsError, match="sandbox"):
        make_agent(sandbox_id)


@pytest.mark.parametrize("consumer", ["", "expired"])
def test_some_names_are_not_for_consumers(make_agent: MakeAgent, consumer: str) -> None:
    with pytest.raises(SettingsError, match="consumer"):
        make_agent(consumer=consumer)
