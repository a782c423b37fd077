"""Mailboxes on a Redis of the test's own, which is filled, or killed and started again: both kinds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
import redis

from flowledger.cli.embedded import EmbeddedValkey
from flowledger.domain.errors import BrokerFull
from tests.client.agents import OTHER, MakeAgent, PostOffice, in_thread, received
from tests.client.looking import bodies, events
from tests.client.test_faults import within
from tests.waiting import wait_until


@pytest.fixture
def own_post(own_valkey: EmbeddedValkey) -> Iterator[PostOffice]:
    with closing(redis.Redis.from_url(own_valkey.url)) as client:
        yield PostOffice(client)


def test_a_full_redis_takes_acknowledgements_and_no_message(
    make_agent: MakeAgent, own_valkey: EmbeddedValkey, own_post: PostOffice
) -> None:
    agent = make_agent(url=own_valkey.url)
    own_post.put("a", "b", "c")
    first = received(agent)
    own_post.client.config_set("maxmemory", "1")
    with within(2), pytest.raises(BrokerFull, match="full"):
        agent.send(OTHER, 1)
    assert bodies(own_post.client) == []
    agent.ack(first)
    agent.nack(received(agent), "no")
    assert (own_post.waiting(), own_post.taken()) == (["msg_c"], ["msg_a", "msg_b"])
    assert {told["type"] for told in events(own_post.client)} == {"message.delivered", "message.failed"}
    sign = own_post.signs()["1"]
    wait_until(lambda: own_post.signs()["1"] > sign, what="a sign of life of a full server")
    agent.close()
    again = make_agent(url=own_valkey.url)
    (last,) = again.receive_many(9, 1)
    again.ack(last)
    assert (last.content, own_post.waiting()) == ("c", [])


def test_a_full_redis_has_no_room_for_a_new_inbox(
    make_agent: MakeAgent, own_valkey: EmbeddedValkey, own_post: PostOffice
) -> None:
    own_post.client.config_set("maxmemory", "1")
    with within(2), pytest.raises(BrokerFull):
        make_agent(url=own_valkey.url)


def test_a_restart_of_redis_only_takes_time(
    make_agent: MakeAgent, own_valkey: EmbeddedValkey, own_post: PostOffice
) -> None:
    agent = make_agent(url=own_valkey.url, publish_timeout_seconds=20)
    own_post.put("a")
    message = received(agent)
    waiting = in_thread(agent.receive)
    own_valkey.kill()
    own_valkey.start()
    own_post.put("b")
    assert waiting.result().content == "b"
    agent.ack(message)
    assert own_post.waiting() == ["msg_b"]
