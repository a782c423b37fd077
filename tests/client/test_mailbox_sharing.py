"""Mailboxes that are started again, killed, or share an inbox (contract, section 8): one suite for both kinds."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, Final

import pytest
import redis

from flowledger.domain.streams import consumers, inbox
from tests.client.agents import AGENT, AGENTS, Agent, MakeAgent, PostOffice, contents, in_thread, received
from tests.client.test_faults import within
from tests.waiting import wait_until


def test_what_was_not_acknowledged_comes_again_in_order_and_before_what_is_new(
    agent: Agent, make_agent: MakeAgent, post: PostOffice
) -> None:
    post.put(*range(25))
    messages = agent.receive_many(23, 1)
    agent.ack_many([messages[0], messages[5]])
    agent.close()
    post.put("new")
    with within(1):
        again = make_agent()
        assert contents(again.receive_many(100, 1)) == [*range(1, 5), *range(6, 25), "new"]


def test_what_was_read_ahead_comes_again(agent: Agent, make_agent: MakeAgent, post: PostOffice) -> None:
    post.put(*range(5))
    agent.ack(received(agent))
    agent.close()
    assert contents(make_agent().receive_many(9, 1)) == [1, 2, 3, 4]


def test_each_takes_the_first_free_slot(make_agent: MakeAgent) -> None:
    first, second = make_agent(), make_agent()
    assert [first.consumer, second.consumer] == ["1", "2"]
    first.close()
    assert make_agent().consumer == "1"


def test_a_name_may_be_given(make_agent: MakeAgent, post: PostOffice) -> None:
    post.put("a")
    named = make_agent(consumer="mine")
    received(named)
    named.close()
    assert make_agent().receive(0) is None
    assert received(make_agent(consumer="mine")).content == "a"


def test_those_that_start_at_once_take_different_slots(make_agent_of: MakeAgent, post: PostOffice) -> None:
    agents = [make_agent_of(kind, is_open=False) for kind in AGENTS for _ in range(3)]
    for opening in [in_thread(one.open) for one in agents]:
        opening.result()
    assert sorted(one.consumer for one in agents) == list("123456")
    assert sorted(post.signs()) == list("123456")


@pytest.mark.parametrize(("age_ms", "at_least", "at_most"), [(1400, 0.1, 1), (2000, 0, 0.3)])
def test_a_slot_without_a_sign_of_life_is_taken_when_it_is_dead_for_certain(
    make_agent: MakeAgent, post: PostOffice, server: redis.Redis, age_ms: int, at_least: float, at_most: float
) -> None:
    server.hset(consumers(AGENT), "1", post.now_ms - age_ms)
    before = post.now_ms
    assert make_agent().consumer == "1"
    assert at_least <= (post.now_ms - before) / 1000 <= at_most


@pytest.mark.parametrize("sign", ["rubbish", "-5", ""])
def test_a_sign_that_is_none_does_not_hold_a_slot(make_agent: MakeAgent, server: redis.Redis, sign: str) -> None:
    server.hset(consumers(AGENT), "1", sign)
    with within(1):
        assert make_agent().consumer == "1"


def test_a_sign_of_life_is_given_from_open_to_close(agent: Agent, post: PostOffice) -> None:
    assert abs(post.now_ms - post.signs()["1"]) < 1000
    agent.close()
    assert post.signs() == {}


def test_a_mailbox_that_only_sends_takes_no_place_and_leaves_none(make_agent: MakeAgent, post: PostOffice) -> None:
    make_agent(consumer="mine")
    sending = make_agent(consumer="mine", is_open=False)
    sending.send("sb_other", 1, expires_in=60)
    sending.close()
    assert list(post.signs()) == ["mine"]


def test_a_slot_that_was_taken_for_dead_belongs_to_who_took_it(
    agent: Agent, post: PostOffice, server: redis.Redis
) -> None:
    """As when this process was stopped for a while, and another took its slot, and gives signs of life there."""
    server.hset(consumers(AGENT), "1", post.now_ms + 1)
    wait_until(lambda: agent.consumer != "1" or server.hset(consumers(AGENT), "1", post.now_ms), what="another slot")
    assert agent.consumer == "2"
    post.put("a")
    agent.ack(received(agent))
    agent.close()
    assert list(post.signs()) == ["1"]


# --- sharing


def test_two_share_the_messages(make_agent: MakeAgent, post: PostOffice) -> None:
    agents = [make_agent(consumer=name) for name in ("one", "two")]
    for one in agents:
        one.receive(0)
    post.put(*range(40))

    def work(one: Agent) -> list[Any]:
        found = []
        while (message := one.receive(0.05)) is not None:
            found.append(message.content)
            one.ack(message)
        return found

    shares = [working.result() for working in [in_thread(work, one) for one in agents]]
    assert sorted(shares[0] + shares[1]) == list(range(40))
    assert all(share == sorted(share) for share in shares)
    assert post.waiting() == []


def test_who_is_busy_does_not_hold_what_others_could_do(make_agent: MakeAgent, post: PostOffice) -> None:
    idle, busy = make_agent(consumer="idle"), make_agent(consumer="busy")
    post.put(*range(5))
    received(busy)
    assert contents(idle.receive_many(9, 1)) == [1, 2, 3, 4]


def test_what_a_dead_consumer_left_is_claimed_once_and_what_a_living_one_holds_is_not(
    make_agent_of: MakeAgent, post: PostOffice, server: redis.Redis
) -> None:
    holder = make_agent_of("Mailbox", consumer="holder")
    post.put("held", *range(25))
    message = received(holder)
    server.xreadgroup("mailbox", "dead", {inbox(AGENT): ">"}, count=25)
    server.xclaim(inbox(AGENT), "mailbox", "dead", 0, ids_of(server, "holder")[1:])  # what it had read ahead
    server.hset(consumers(AGENT), "dead", post.now_ms)
    others = [make_agent_of(kind, consumer=kind, mailbox_lease_seconds=1) for kind in AGENTS]
    receiving = [in_thread(contents, one) for one in others]
    wait_until(lambda: "dead" not in post.holders() and "dead" not in post.signs(), what="the claim, and the end of it")
    for one in others:
        one.close()
    shares = [one.result() for one in receiving]
    assert sorted(shares[0] + shares[1]) == list(range(25))
    assert all(share == sorted(share) for share in shares)
    assert post.holders()["holder"] == ["msg_held"]
    holder.ack(message)


def test_nobody_is_taken_for_dead_before_there_was_time_for_a_sign_of_life(
    make_agent: MakeAgent, post: PostOffice, server: redis.Redis
) -> None:
    """As when Redis was away: for a moment all signs are old."""
    post.put("a")
    server.xgroup_create(inbox(AGENT), "mailbox", "0")
    server.xreadgroup("mailbox", "holder", {inbox(AGENT): ">"})
    server.xclaim(inbox(AGENT), "mailbox", "holder", 0, ids_of(server, "holder"), idle=60_000)
    server.hset(consumers(AGENT), "holder", post.now_ms - 60_000)
    assert make_agent(mailbox_lease_seconds=1).receive(0.05) is None
    assert list(post.holders()) == ["holder"]


def ids_of(server: redis.Redis, consumer: str) -> list[Any]:
    """The entries in the hands of a consumer."""
    pending: Any = server.xpending_range(inbox(AGENT), "mailbox", "-", "+", 100, consumer)
    return [one["message_id"] for one in pending]


# --- killed

_PROGRAM: Final = """
import asyncio, sys
from flowledger.client import AsyncMailbox, Mailbox

def tell(message):
    print(message.content, flush=True)

async def awaiting(arguments):
    async with AsyncMailbox(*arguments) as mailbox:
        async for message in mailbox:
            tell(message)
            if message.content % 2:
                await mailbox.ack(message)

def blocking(arguments):
    with Mailbox(*arguments) as mailbox:
        for message in mailbox:
            tell(message)
            if message.content % 2:
                mailbox.ack(message)

face, *arguments = sys.argv[1:]
blocking(arguments) if face == "Mailbox" else asyncio.run(awaiting(arguments))
"""


@pytest.fixture
def killed(make_agent: MakeAgent, request: pytest.FixtureRequest, redis_url: str, post: PostOffice) -> None:
    """A process with the same kind of mailbox received 0 to 9, and acknowledged the odd ones, until it was killed."""
    command = [sys.executable, "-c", _PROGRAM, request.node.callspec.params["make_agent"], AGENT, redis_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            post.put(*range(10))
            assert process.stdout is not None
            assert [int(process.stdout.readline()) for _ in range(10)] == list(range(10))
            wait_until(lambda: len(post.waiting()) == 5, what="the last acknowledgement")
        finally:
            process.kill()


@pytest.mark.usefixtures("killed")
def test_after_kill_9_what_was_not_acknowledged_comes_again_within_two_seconds(
    make_agent: MakeAgent, post: PostOffice
) -> None:
    with within(2):
        agent = make_agent()
        post.put("new")
        assert contents(agent.receive_many(99, 1)) == [0, 2, 4, 6, 8, "new"]
    assert agent.consumer == "1"
