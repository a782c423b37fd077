"""What a mailbox makes of odd entries: copies, what is late, what is no message. One suite for both kinds."""

from __future__ import annotations

import logging
from typing import Any, Final

import pytest
import redis

from flowledger.domain import json_text, streams
from flowledger.domain.limits import Limits
from tests.builders import raw
from tests.client.agents import AGENT, Agent, MakeAgent, PostOffice, contents, received
from tests.client.looking import bodies, events
from tests.waiting import wait_until

INBOX: Final = streams.inbox(AGENT)
CLOCKS_MS: Final = 500
"""So much a mailbox's idea of Redis's clock may be behind: a round trip, which takes long on a busy machine."""


def reads(server: redis.Redis) -> int:
    """How often anybody has read an inbox."""
    statistics: Any = server.info("commandstats")
    return int(statistics.get("cmdstat_xreadgroup", {"calls": 0})["calls"])


def test_a_copy_of_what_was_acknowledged_is_dropped_and_not_told(
    agent: Agent, post: PostOffice, server: redis.Redis
) -> None:
    server.zadd(streams.taken(AGENT), {"msg_old": 1})
    server.expire(streams.taken(AGENT), 60)
    post.put("old", "a", "old")
    assert contents(agent.receive_many(9, 1)) == ["a"]
    assert (post.waiting(), post.holders(), bodies(server)) == (["msg_a"], {"1": ["msg_a"]}, [])


def test_a_copy_of_what_is_in_hand_is_not_handed_out_and_stays_until_that_is_acknowledged(
    agent: Agent, post: PostOffice, server: redis.Redis
) -> None:
    post.put("a", "a", "b", "a")
    messages = agent.receive_many(9, 1)
    assert contents(messages) == ["a", "b"]
    post.put("a")
    assert agent.receive(0) is None
    copies = ["msg_a", "msg_a", "msg_b", "msg_a", "msg_a"]
    assert (post.waiting(), post.holders(), bodies(server)) == (copies, {"1": copies}, [])
    agent.ack(messages[0])
    assert (post.waiting(), post.holders()) == (["msg_b"], {"1": ["msg_b"]})
    assert [told["subject"] for told in events(server)] == ["msg_a"]


def test_a_copy_takes_the_place_of_the_first_that_redis_has_lost(agent: Agent, post: PostOffice) -> None:
    post.put("a", "a")
    message = received(agent)
    assert agent.receive(0) is None
    post.client.xdel(INBOX, message.entry_id)
    agent.ack(message)
    assert (post.waiting(), post.holders(), post.taken()) == ([], {}, ["msg_a"])


def test_what_is_late_is_left_to_the_ledger_and_holds_nothing_up(
    agent: Agent, post: PostOffice, server: redis.Redis
) -> None:
    now = post.now_ms
    post.put_event(post.written("late", "msg_late"), expires_at=now - CLOCKS_MS)
    post.put_event(post.written("said late", "msg_said_late", expires_at="2026-01-31T12:00:00Z"))
    post.put_event(post.written("early", "msg_early"), expires_at=now + 60_000)
    before = reads(server)
    assert contents(agent.receive_many(9, 1)) == ["early"]
    assert agent.receive(0.1) is None
    assert reads(server) - before < 10, "it does not spin"
    assert post.waiting() == ["msg_late", "msg_said_late", "msg_early"]
    assert post.holders() == {"1": ["msg_early"], streams.EXPIRED_CONSUMER: ["msg_late", "msg_said_late"]}
    assert (post.taken(), bodies(server)) == ([], [])


def test_what_becomes_late_in_the_hands_of_a_mailbox_is_not_handed_out(agent: Agent, post: PostOffice) -> None:
    post.put("a")
    moment = post.now_ms + 1000
    post.put_event(post.written("b", "msg_b"), expires_at=moment)
    post.put("c")
    assert received(agent).content == "a"
    assert post.holders() == {"1": ["msg_a", "msg_b", "msg_c"]}
    wait_until(lambda: post.now_ms > moment + CLOCKS_MS)
    assert received(agent).content == "c"
    assert post.holders() == {"1": ["msg_a", "msg_c"], streams.EXPIRED_CONSUMER: ["msg_b"]}


def test_what_was_late_before_a_restart_is_not_handed_out_either(make_agent: MakeAgent, post: PostOffice) -> None:
    agent = make_agent()
    post.put("a")
    moment = post.now_ms + 100
    post.put_event(post.written("b", "msg_b"), expires_at=moment)
    received(agent)
    agent.close()
    wait_until(lambda: post.now_ms > moment + CLOCKS_MS)
    assert contents(make_agent().receive_many(9, 0.1)) == ["a"]


@pytest.mark.parametrize(
    "fields",
    [
        {"message_id": "msg_1"},
        {"event": "not json"},
        {"event": raw("task.started")},
        {"event": raw("message.sent", message_type="shout")},
        {"event": b"\xff"},
    ],
    ids=range(5),
)
def test_what_is_no_message_is_logged_and_taken_out(
    agent: Agent, post: PostOffice, server: redis.Redis, caplog: pytest.LogCaptureFixture, fields: dict[str, Any]
) -> None:
    entry_id = post.put_raw(fields)
    post.put("a")
    assert received(agent).content == "a"
    assert agent.receive(0) is None
    (logged,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert entry_id in logged.getMessage()
    assert INBOX in logged.getMessage()
    assert (post.waiting(), bodies(server)) == (["msg_a"], [])


def test_a_message_is_decoded_once(agent: Agent, post: PostOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[str] = []

    def loads(text: str, *limits: Limits) -> Any:
        decoded.append(text)
        return read(text, *limits)

    read = json_text.loads
    with monkeypatch.context() as patch:
        patch.setattr(json_text, "loads", loads)
        post.put_event(post.written("a", attributes={"sequence": 7}))
        message = received(agent)
    assert decoded == [message.raw.decode()]


def test_an_expiry_that_is_no_number_is_none(agent: Agent, post: PostOffice) -> None:
    post.put_event(post.written("a"), expires_at="soon")
    post.put_event(post.written("b", "msg_2"), expires_at=10**18)
    assert contents(agent.receive_many(9, 1)) == ["a", "b"]
