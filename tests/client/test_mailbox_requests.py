"""Requests and their responses (contract, section 8): one suite for both mailboxes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from flowledger.domain.errors import RequestTimeout
from flowledger.domain.streams import consumers
from tests.client.agents import AGENT, OTHER, Agent, MakeAgent, PostOffice, contents, in_thread, received
from tests.client.looking import bodies, events
from tests.client.test_faults import within
from tests.waiting import wait_until


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
def carrier(post: PostOffice) -> Iterator[None]:
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
    assert (event["subject"], event["correlationid"]) == (f"{AGENT}/msg_q", f"{agent.consumer}/{AGENT}/msg_q")
    assert event["data"] == {
        "from_sandbox_id": AGENT,
        "to_sandbox_ids": [OTHER],
        "message_type": "request",
        "content": {"q": 1},
        "thread_id": "thread_1",
    }
    assert caught.value.message_id == f"{AGENT}/msg_q"


def test_a_request_that_nobody_answers_ends_in_time_and_may_be_answered_later(agent: Agent, post: PostOffice) -> None:
    with within(1), pytest.raises(RequestTimeout, match="may still be answered") as caught:
        agent.request(OTHER, 1, timeout=0.05)
    post.put("late", message_type="response", in_reply_to=caught.value.message_id)
    assert received(agent).content == "late"


def test_what_arrives_meanwhile_is_kept_in_order(agent: Agent, post: PostOffice, server: redis.Redis) -> None:
    asking = in_thread(agent.request, OTHER, "q", timeout=5, id="msg_q")
    post.put("before")
    post.put_event(post.written("late", "msg_late"), expires_at=1)
    post.put("note", in_reply_to=f"{AGENT}/msg_q")
    post.put("other", message_type="response", in_reply_to="msg_other")
    post.put("answer", message_type="response", in_reply_to=f"{AGENT}/msg_q")
    post.put("again", message_type="response", in_reply_to=f"{AGENT}/msg_q")
    assert asking.result().content == "answer"
    assert post.holders()["expired"] == ["msg_late"], "without a receive"
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
    asker, other = make_agent(consumer="asker"), make_agent(consumer="other")
    receiving = in_thread(other.receive, 0.5)
    wait_until(lambda: post.client.info("clients")["blocked_clients"] == 1)  # it is first in the line
    asking = in_thread(asker.request, OTHER, "q", timeout=5, id="msg_q")
    wait_until(lambda: bodies(post.client))
    correlation = json.loads(bodies(post.client)[0])["correlationid"]
    assert correlation == f"{asker.consumer}/{AGENT}/msg_q"
    answer: dict[str, Any] = {
        "message_type": "response",
        "in_reply_to": f"{AGENT}/msg_q",
        "attributes": {"correlationid": correlation},
    }
    post.put("answer", **answer)
    with within(1):
        assert asking.result().content == "answer"
    assert receiving.result() is None
    assert post.holders() == {asker.consumer: ["msg_answer"]}


def test_a_response_that_is_handed_over_too_late_is_received(make_agent: MakeAgent, post: PostOffice) -> None:
    asker, other = make_agent(consumer="asker"), make_agent(consumer="other")
    assert asker.receive(0) is None
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
