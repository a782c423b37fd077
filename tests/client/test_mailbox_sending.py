"""Sending messages (contract, section 4): one suite for both mailboxes."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import pytest
import redis

from flowledger.domain.envelope import Envelope
from flowledger.domain.errors import Reason, Refused
from flowledger.domain.times import parse_time
from tests.client.agents import AGENT, OTHER, Agent, MakeAgent, PostOffice, received
from tests.client.looking import bodies, entries, events

BEYOND_UTC: Final = datetime.max.replace(tzinfo=timezone(timedelta(hours=-5)))


def test_a_message_is_an_event(agent: Agent, server: redis.Redis) -> None:
    sent = agent.send(
        [OTHER, "sb_3"],
        {"any": [1, None]},
        message_type="command",
        id="msg_9",
        thread_id="thread_1",
        workspace_id="ws_1",
        in_reply_to="msg_8",
        execution_id="exec_1",
        task_id="task_1",
        expires_at=datetime(2126, 1, 31, 12, tzinfo=UTC),
        priority=7,
        correlation_id="c",
    )
    (event,) = events(server)
    assert tuple(sent.published) == (event["id"], *next(entry[:2] for entry in entries(server)))
    assert abs(parse_time(event.pop("time")) - datetime.now(UTC)) < timedelta(minutes=1)
    assert event == {
        "specversion": "1.0",
        "id": sent.published.id,
        "source": f"/sandboxes/{AGENT}",
        "type": "message.sent",
        "subject": f"{AGENT}/msg_9",
        "correlationid": "c",
        "data": {
            "from_sandbox_id": AGENT,
            "to_sandbox_ids": [OTHER, "sb_3"],
            "message_type": "command",
            "content": {"any": [1, None]},
            "workspace_id": "ws_1",
            "thread_id": "thread_1",
            "in_reply_to": "msg_8",
            "execution_id": "exec_1",
            "task_id": "task_1",
            "expires_at": "2126-01-31T12:00:00Z",
            "priority": 7,
        },
    }


def test_what_is_not_said_is_left_out(agent: Agent, server: redis.Redis) -> None:
    sent = agent.send(OTHER, None)
    (event,) = events(server)
    assert event["data"] == {
        "from_sandbox_id": AGENT,
        "to_sandbox_ids": [OTHER],
        "message_type": "notification",
        "content": None,
    }
    assert event["subject"] == sent.message_id
    assert sent.message_id.startswith(f"{AGENT}/msg_")
    assert "correlationid" not in event


def test_the_same_message_again_has_the_same_id(agent: Agent, make_agent: MakeAgent) -> None:
    ids = [agent.send(OTHER, 1, id=id_).message_id for id_ in ("order/7", f"{AGENT}/order/7", "x" * 512)]
    assert ids[:2] == [f"{AGENT}/order/7"] * 2
    assert agent.send(OTHER, 1, id=ids[2]).message_id == ids[2] == agent.send(OTHER, 1, id="x" * 512).message_id
    assert make_agent(OTHER).send(AGENT, 1, id="order/7").message_id == f"{OTHER}/order/7"


def test_a_sandbox_of_an_odd_name_has_ids_and_a_source_of_its_own(make_agent: MakeAgent, server: redis.Redis) -> None:
    sent = make_agent("a/b%", is_open=False).send(OTHER, 1, id="c")
    assert sent.message_id == "a%2Fb%25/c"
    assert events(server)[0]["source"] == "/sandboxes/a%2Fb%25"


def test_messages_of_one_sender_stand_in_one_stream_in_order(agent: Agent, server: redis.Redis) -> None:
    for number in range(20):
        agent.send(f"sb_{number}", number)
    assert [event["data"]["content"] for event in events(server)] == list(range(20))
    assert len({stream for stream, _, _ in entries(server)}) == 1


def test_a_broadcast_goes_to_a_workspace(agent: Agent, server: redis.Redis) -> None:
    agent.broadcast("ws_1", "all", message_type="command", priority=1)
    (event,) = events(server)
    assert event["data"] == {
        "from_sandbox_id": AGENT,
        "broadcast": True,
        "workspace_id": "ws_1",
        "message_type": "command",
        "content": "all",
        "priority": 1,
    }


@pytest.mark.parametrize("expires_in", [90, 90.0, timedelta(minutes=1, seconds=30)])
def test_a_span_of_time_is_by_redis_clock(
    make_agent: MakeAgent, post: PostOffice, server: redis.Redis, expires_in: Any
) -> None:
    before = post.now_ms
    make_agent(is_open=False).send(OTHER, 1, expires_in=expires_in)
    (event,) = events(server)
    moment = parse_time(event["data"]["expires_at"]).timestamp() * 1000
    assert before + 90_000 - 1 <= moment <= post.now_ms + 90_000 + 1


def test_a_message_expires_once(agent: Agent, server: redis.Redis) -> None:
    with pytest.raises(ValueError, match="not both"):
        agent.send(OTHER, 1, expires_in=1, expires_at=datetime.now(UTC))
    assert bodies(server) == []


@pytest.mark.parametrize(
    ("to", "content", "options", "reason", "field"),
    [
        (OTHER, "x" * 2**20, {}, Reason.TOO_LARGE, ""),
        (OTHER, object(), {}, Reason.NOT_JSON, "data.content"),
        (OTHER, float("nan"), {}, Reason.NOT_JSON, "data.content"),
        (OTHER, {1, 2}, {}, Reason.NOT_JSON, "data.content"),
        (OTHER, 1, {"message_type": "shout"}, Reason.INVALID_DATA, "data.message_type"),
        (OTHER, 1, {"thread_id": ""}, Reason.INVALID_DATA, "data.thread_id"),
        (OTHER, 1, {"id": "\x00"}, Reason.INVALID_ENVELOPE, "subject"),
        (OTHER, 1, {"expires_at": datetime(2126, 1, 31)}, Reason.INVALID_DATA, "data.expires_at"),
        (OTHER, 1, {"expires_at": BEYOND_UTC}, Reason.INVALID_DATA, "data.expires_at"),
        (OTHER, [BEYOND_UTC], {}, Reason.NOT_JSON, "data.content.0"),
        ([], 1, {}, Reason.INVALID_DATA, "data.to_sandbox_ids"),
        ("", 1, {}, Reason.INVALID_DATA, "data.to_sandbox_ids.0"),
    ],
    ids=range(12),
)
def test_what_breaks_the_contract_is_refused_and_not_sent(
    agent: Agent, server: redis.Redis, to: Any, content: Any, options: dict[str, Any], reason: Reason, field: str
) -> None:
    with pytest.raises(Refused) as caught:
        agent.send(to, content, **options)
    assert (caught.value.reason, caught.value.field) == (reason, field)
    assert bodies(server) == []


def test_a_word_that_nobody_knows_is_an_error(agent: Agent, server: redis.Redis) -> None:
    with pytest.raises(TypeError, match="thread"):
        agent.send(OTHER, 1, thread="thread_1")
    assert bodies(server) == []


def test_large_content_travels(agent: Agent, make_agent: MakeAgent, post: PostOffice) -> None:
    agent.send(OTHER, "x" * 1_000_000)
    post.carry()
    assert received(make_agent(OTHER)).content == "x" * 1_000_000


def test_every_event_goes_by_the_signer(make_agent: MakeAgent, post: PostOffice, server: redis.Redis) -> None:
    def sign(envelope: Envelope) -> Envelope:
        return dataclasses.replace(envelope, extensions={"signature": f"{envelope.type} {envelope.subject}"})

    agent = make_agent(signer=sign)
    sent = [agent.send(OTHER, 1), agent.broadcast("ws_1", 1)]
    post.put("a", "b", "c")
    message, bad, asked = agent.receive_many(3, 1)
    sent.append(agent.reply(asked, 1))
    agent.ack(message)
    agent.nack(bad, "no")
    said = events(server)
    assert sorted(event["signature"] for event in said) == sorted(
        f"{event['type']} {event['subject']}" for event in said
    )
    assert {event["type"] for event in said} == {"message.sent", "message.delivered", "message.failed"}
