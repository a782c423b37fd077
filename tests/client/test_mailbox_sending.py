"""Sending messages, requests and responses (contract, sections 4 and 8): one suite for both mailboxes."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis

from domain.envelope import Envelope
from domain.errors import Reason, Refused, RequestTimeout
from domain.streams import consumers
from domain.times import parse_time
from tests.client.agents import AGENT, OTHER, Agent, MakeAgent, PostOffice, contents, in_thread, received
from tests.client.looking import bodies, entries, events
from tests.client.test_faults import within
from tests.waiting import wait_until


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
    assert sent.published == (event["id"], *next(entry[:2] for entry in entries(server)))
    assert abs(parse_time(event.pop("time")) - datetime.now(UTC)) < timedelta(minutes=1)
    assert event == {
        "specversion": "1.0",
        "id": sent.published.id,
        "source": f"/sandboxes/{AGENT}",
        "type": "message.sent",
        "subject": "msg_9",
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
    assert sent.message_id.startswith("msg_")
    assert "correlationid" not in event


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
    assert before + 90_000 - 1 <= moment <= post.now_ms + 90_000


def test_a_message_expires_once(agent: Agent, server: redis.Redis) -> None:
    with pytest.raises(ValueError, match="not both"):
        agent.send(OTHER, 1, expires_in=1, expires_at=datetime.now(UTC))
    assert bodies(server) == []


@pytest.mark.parametrize(
    ("to", "content", "options", "reason", "field"),
    [
        (OTHER, "x" * 2**20, {}, Reason.TOO_LARGE, ""),
        (OTHER, object(), {}, Reason.NOT_JSON, ""),
        (OTHER, float("nan"), {}, Reason.NOT_JSON, ""),
        (OTHER, {1, 2}, {}, Reason.NOT_JSON, ""),
        (OTHER, 1, {"message_type": "shout"}, Reason.INVALID_DATA, "data.message_type"),
        (OTHER, 1, {"thread_id": ""}, Reason.INVALID_DATA, "data.thread_id"),
        (OTHER, 1, {"id": "\x00"}, Reason.INVALID_ENVELOPE, "subject"),
        (OTHER, 1, {"expires_at": datetime(2126, 1, 31)}, Reason.INVALID_DATA, "data.expires_at"),
        ([], 1, {}, Reason.INVALID_DATA, "data.to_sandbox_ids"),
        ("", 1, {}, Reason.INVALID_DATA, "data.to_sandbox_ids.0"),
    ],
    ids=range(10),
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


# --- requests and responses


def test_a_response_says_what_it_answers(agent: Agent, post: PostOffice, server: redis.Redis) -> None:
    post.put("q", message_type="request", attributes={"correlationid": "2/msg_q"})
    post.put("r", message_type="request", thread_id="thread_1")
    for message in agent.receive_many(2, 1):
        agent.reply(message, "a", priority=1)
    first, second = events(server)
    assert first["correlationid"] == "2/msg_q"
    assert first["data"] == {
        "from_sandbox_id": AGENT,
        "to_sandbox_ids": [OTHER],
        "message_type": "response",
        "content": "a",
        "in_reply_to": "msg_q",
        "thread_id": "msg_q",
        "priority": 1,
    }
    assert (second["data"]["in_reply_to"], second["data"]["thread_id"]) == ("msg_r", "thread_1")


@pytest.fixture
def carrier(post: PostOffice) -> Any:
    """Carries messages while the test goes on."""
    stop = threading.Event()

    def carry() -> None:
        while not stop.wait(0.005):
            post.carry()

    carrying = in_thread(carry)
    yield
    stop.set()
    carrying.result()


def serving(agent: Agent, answer: Callable[[Any], Any], count: int) -> None:
    """Answers so many requests."""
    for _ in range(count):
        message = received(agent)
        agent.reply(message, answer(message.content))
        agent.ack(message)


@pytest.mark.usefixtures("carrier")
def test_a_request_is_answered(agent: Agent, make_agent: MakeAgent, post: PostOffice) -> None:
    serving_ = in_thread(serving, make_agent(OTHER), lambda number: number + 1, 1)
    response = agent.request(OTHER, 41, timeout=5, workspace_id="ws_1")
    serving_.result()
    assert (response.content, response.from_sandbox_id, response.message_type) == (42, OTHER, "response")
    agent.ack(response)
    assert post.waiting() == []


def test_a_request_is_an_event(agent: Agent, server: redis.Redis) -> None:
    with pytest.raises(RequestTimeout) as caught:
        agent.request(OTHER, {"q": 1}, timeout=0.01, id="msg_q", thread_id="thread_1", expires_in=1000)
    (event,) = events(server)
    assert event["data"].pop("expires_at")
    assert (event["subject"], event["correlationid"]) == ("msg_q", f"{agent.consumer}/msg_q")
    assert event["data"] == {
        "from_sandbox_id": AGENT,
        "to_sandbox_ids": [OTHER],
        "message_type": "request",
        "content": {"q": 1},
        "thread_id": "thread_1",
    }
    assert caught.value.message_id == "msg_q"


def test_a_request_that_nobody_answers_ends_in_time_and_may_be_answered_later(agent: Agent, post: PostOffice) -> None:
    with within(1), pytest.raises(RequestTimeout, match="may still be answered") as caught:
        agent.request(OTHER, 1, timeout=0.2)
    post.put("late", message_type="response", in_reply_to=caught.value.message_id)
    assert received(agent).content == "late"


def test_what_arrives_meanwhile_is_kept_in_order(agent: Agent, post: PostOffice, server: redis.Redis) -> None:
    asking = in_thread(agent.request, OTHER, "q", timeout=5, id="msg_q")
    post.put("before")
    post.put("note", in_reply_to="msg_q")
    post.put("other", message_type="response", in_reply_to="msg_other")
    post.put("answer", message_type="response", in_reply_to="msg_q")
    post.put("again", message_type="response", in_reply_to="msg_q")
    assert asking.result().content == "answer"
    assert contents(agent.receive_many(9, 1)) == ["before", "note", "other", "again"]


@pytest.mark.usefixtures("carrier")
def test_one_receives_while_others_ask(agent: Agent, make_agent: MakeAgent, post: PostOffice) -> None:
    serving_ = in_thread(serving, make_agent(OTHER), lambda number: number * 2, 12)
    receiving = in_thread(lambda: [received(agent).content for _ in range(12)])
    asking = [in_thread(agent.request, OTHER, number, timeout=10) for number in range(12)]
    for number in range(12):
        post.put(f"m{number}")
    assert [one.result().content for one in asking] == [number * 2 for number in range(12)]
    assert receiving.result() == [f"m{number}" for number in range(12)]
    serving_.result()


def test_another_consumer_hands_a_response_over(make_agent: MakeAgent, post: PostOffice) -> None:
    asker, other = make_agent(), make_agent()
    receiving = in_thread(other.receive, 1)
    wait_until(lambda: post.client.info("clients")["blocked_clients"] == 1)  # it is first in the line
    asking = in_thread(asker.request, OTHER, "q", timeout=5, id="msg_q")
    wait_until(lambda: bodies(post.client))
    correlation = json.loads(bodies(post.client)[0])["correlationid"]
    assert correlation == f"{asker.consumer}/msg_q"
    answer = {"message_type": "response", "in_reply_to": "msg_q", "attributes": {"correlationid": correlation}}
    post.put("answer", **answer)
    with within(1):
        assert asking.result().content == "answer"
    assert receiving.result() is None
    assert post.holders() == {asker.consumer: ["msg_answer"]}


def test_a_response_that_is_handed_over_too_late_is_received(make_agent: MakeAgent, post: PostOffice) -> None:
    asker, other = make_agent(), make_agent()
    post.put("late", message_type="response", in_reply_to="q", attributes={"correlationid": f"{asker.consumer}/q"})
    assert other.receive(0) is None
    assert received(asker).content == "late"


def test_a_response_to_a_consumer_that_is_dead_is_anybodys(agent: Agent, post: PostOffice, server: redis.Redis) -> None:
    server.hset(consumers(AGENT), "7", post.now_ms - 5000)
    for name in ("7", "nobody"):
        post.put(name, message_type="response", in_reply_to="q", attributes={"correlationid": f"{name}/q"})
    assert contents(agent.receive_many(2, 1)) == ["7", "nobody"]


def test_closing_ends_who_asks(agent: Agent, server: redis.Redis) -> None:
    asking = in_thread(agent.request, OTHER, 1, timeout=30)
    wait_until(lambda: bodies(server))
    with within(1):
        agent.close()
        assert "closed" in str(asking.exception())
