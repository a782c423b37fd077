"""A name in an inbox is held by one living process, and a message that is held is not lost: both kinds of mailboxes."""

from __future__ import annotations

import pytest
import redis

from flowledger.domain.errors import BrokerFull, PublishError, SettingsError
from flowledger.domain.streams import consumers, inbox, taken
from tests.client.agents import AGENT, MakeAgent, PostOffice, contents, received
from tests.client.looking import events
from tests.client.test_faults import spoilt
from tests.proxy import Fault
from tests.waiting import wait_until


def test_one_that_was_cut_off_does_not_take_its_slot_back_from_a_living_one(
    make_agent: MakeAgent, redis_url: str, post: PostOffice
) -> None:
    with spoilt(redis_url, Fault.SILENCE, times=0) as proxy:
        first = make_agent(url=proxy.url, publish_timeout_seconds=0.2)
        proxy.cut()
        successor = make_agent()
        assert successor.consumer == "1"
        proxy.mend()
        wait_until(lambda: first.consumer == "2", what="another slot")
        assert successor.consumer == "1"
        assert sorted(post.signs()) == ["1", "2"]
        post.put("a")
        assert received(first).content == "a"
        assert list(post.holders()) == ["2"]


def test_one_that_was_cut_off_and_has_no_successor_stays_where_it_is(
    make_agent: MakeAgent, redis_url: str, post: PostOffice
) -> None:
    with spoilt(redis_url, Fault.SILENCE, times=0) as proxy:
        agent = make_agent(url=proxy.url, publish_timeout_seconds=0.2)
        proxy.cut()
        before = post.signs()["1"]
        wait_until(lambda: post.now_ms - before > 2000)
        proxy.mend()
        wait_until(lambda: post.now_ms - post.signs()["1"] < 500, what="another sign of life")
        assert agent.consumer == "1"


def test_a_given_name_is_held_by_one_living_process(make_agent: MakeAgent) -> None:
    first = make_agent(consumer="mine")
    with pytest.raises(SettingsError, match="the consumer mine of ledger:inbox:sb_agent lives in another process"):
        make_agent(consumer="mine")
    first.close()
    assert make_agent(consumer="mine").consumer == "mine"


def test_a_copy_stays_until_the_message_is_acknowledged(
    make_agent: MakeAgent, post: PostOffice, server: redis.Redis
) -> None:
    """As after Redis lost its data, and the ledger put again what was there."""
    post.put("a")
    holder = make_agent()
    received(holder)
    server.flushdb()
    post.put("a", "b")
    assert received(holder).content == "b"
    holder.close()  # dies before it has acknowledged
    assert contents(make_agent().receive_many(9, 1)) == ["a", "b"]


def test_a_copy_goes_with_the_message(make_agent: MakeAgent, post: PostOffice, server: redis.Redis) -> None:
    agent = make_agent()
    post.put("a")
    first = received(agent)
    post.put("a", "b")
    second = received(agent)
    agent.ack_many([first, second])
    assert (post.waiting(), sorted(post.taken())) == ([], ["msg_a", "msg_b"])
    assert sorted(event["subject"] for event in events(server)) == ["msg_a", "msg_b"]


# --- memory


def test_what_frees_memory_is_allowed_while_there_is_none(
    make_agent: MakeAgent, post: PostOffice, server: redis.Redis
) -> None:
    agent = make_agent()
    post.put("a", "b")
    first, second = agent.receive_many(2, 5)
    server.config_set("maxmemory", 1)
    try:
        agent.ack(first)
        agent.nack(second, "no")
        with pytest.raises(BrokerFull):
            agent.send("sb_other", 1)
    finally:
        server.config_set("maxmemory", 0)
    assert (post.waiting(), sorted(post.taken())) == ([], ["msg_a", "msg_b"])
    assert {event["type"] for event in events(server)} == {"message.delivered", "message.failed"}


def test_what_is_quiet_is_forgotten_some_day(make_agent: MakeAgent, post: PostOffice, server: redis.Redis) -> None:
    agent = make_agent(inbox_quiet_seconds=100)
    keys = (inbox(AGENT), consumers(AGENT))
    wait_until(lambda: all(0 < server.ttl(key) <= 100 for key in keys))
    post.put("a")
    server.persist(inbox(AGENT))  # as who puts something there does
    agent.ack(received(agent))
    agent.close()
    assert all(0 < server.ttl(key) <= 100 for key in (inbox(AGENT), taken(AGENT)))


def test_an_inbox_that_was_forgotten_is_made_again(
    make_agent: MakeAgent, post: PostOffice, server: redis.Redis
) -> None:
    agent = make_agent()
    agent.receive(0)
    server.delete(inbox(AGENT), consumers(AGENT), taken(AGENT))
    post.put("a")
    assert received(agent).content == "a"


def test_an_acknowledgement_that_redis_refuses_is_not_half_done(
    make_agent: MakeAgent, post: PostOffice, server: redis.Redis
) -> None:
    agent = make_agent()
    post.put("a")
    message = received(agent)
    server.set(taken(AGENT), "no sorted set")
    with pytest.raises(PublishError, match="WRONGTYPE"):
        agent.ack(message)
    assert (post.waiting(), events(server)) == (["msg_a"], [])
    server.delete(taken(AGENT))
    agent.ack(message)
    assert (post.waiting(), len(events(server))) == ([], 1)
