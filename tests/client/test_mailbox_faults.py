"""Mailboxes when Redis is away, slow or empty again, and when who reads is interrupted: both kinds."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from typing import Any, Final

import pytest
import redis

from flowledger.client.plans.inbox import Inbox
from flowledger.client.plans.steps import Plan
from flowledger.domain import streams
from flowledger.domain.errors import BrokerFull, BrokerUnavailable, MailboxClosed, PublishError, RequestTimeout
from tests.client.agents import (
    AGENT,
    OTHER,
    Agent,
    AwaitedMailbox,
    MakeAgent,
    PostOffice,
    contents,
    in_thread,
    received,
)
from tests.client.looking import bodies
from tests.client.test_faults import SHORT, spoilt, within
from tests.proxy import Fault, Proxy
from tests.waiting import wait_until

INBOX: Final = streams.inbox(AGENT)
PROMPTLY: Final = 0.6
"""Seconds; once in a second a mailbox looks anyway whether it has something in its hands that it does not know."""


def waiting_clients(server: redis.Redis) -> int:
    """How many wait for something to be read."""
    clients: Any = server.info("clients")
    return int(clients["blocked_clients"])


# --- Redis has lost its data


def test_an_inbox_that_is_gone_is_made_again(agent: Agent, post: PostOffice, server: redis.Redis) -> None:
    post.put("old")
    old = received(agent)
    waiting = in_thread(agent.receive, 10)
    wait_until(lambda: waiting_clients(server))
    server.flushdb()
    post.put("new")
    assert waiting.result().content == "new"
    agent.ack(old)
    assert post.taken() == ["msg_old"]
    wait_until(lambda: list(post.signs()) == ["1"], what="another sign of life")


def test_what_the_ledger_puts_there_again_is_a_copy(agent: Agent, post: PostOffice, server: redis.Redis) -> None:
    post.put("a")
    message = received(agent)
    server.flushdb()
    post.put("a", "b")
    assert received(agent).content == "b"
    agent.ack(message)
    assert (post.waiting(), post.taken()) == (["msg_b"], ["msg_a"])


# --- Redis is away, or slow


def test_a_reader_of_a_redis_that_is_away_is_told_in_time(make_agent: MakeAgent, redis_url: str) -> None:
    with spoilt(redis_url, Fault.SILENCE, times=0) as proxy:
        agent = make_agent(url=proxy.url, publish_timeout_seconds=SHORT)
        proxy.cut()
        for timeout in (None, 0):
            with within(2), pytest.raises(BrokerUnavailable, match="try again"):
                agent.receive(timeout)
        proxy.mend()
        assert agent.receive(0) is None


def test_a_mailbox_of_a_redis_that_is_away_does_not_open(make_agent: MakeAgent, redis_url: str) -> None:
    with spoilt(redis_url, Fault.SILENCE, times=0) as proxy:
        proxy.cut()
        with within(2), pytest.raises(BrokerUnavailable):
            make_agent(url=proxy.url, publish_timeout_seconds=SHORT)


def test_a_reader_outlasts_a_network_that_is_cut_for_a_moment(
    make_agent: MakeAgent, redis_url: str, post: PostOffice
) -> None:
    with spoilt(redis_url, Fault.SILENCE, times=0) as proxy:
        agent = make_agent(url=proxy.url)
        waiting = in_thread(agent.receive)
        for _ in range(3):
            proxy.reset()
        post.put("a")
        assert waiting.result().content == "a"


def test_closing_ends_who_waits_for_a_redis_that_is_away(make_agent: MakeAgent, redis_url: str) -> None:
    with spoilt(redis_url, Fault.SILENCE, times=0) as proxy:
        agent = make_agent(url=proxy.url, publish_timeout_seconds=30)
        proxy.cut()
        waiting = in_thread(agent.receive)
        assert not waiting.done()
        with within(2):
            agent.close()
            assert isinstance(waiting.exception(), MailboxClosed)


def test_a_request_waits_on_while_redis_is_away(make_agent: MakeAgent, redis_url: str, post: PostOffice) -> None:
    with spoilt(redis_url, Fault.SILENCE, times=0) as proxy:
        agent = make_agent(url=proxy.url, publish_timeout_seconds=SHORT)
        asking = in_thread(agent.request, OTHER, 1, timeout=10, id="msg_q")
        wait_until(lambda: bodies(post.client) and waiting_clients(post.client), what="that it waits for the response")
        proxy.cut()
        post.put("answer", message_type="response", in_reply_to=f"{AGENT}/msg_q")
        for _ in range(3):
            with pytest.raises(BrokerUnavailable):
                agent.send(OTHER, 1)
        assert not asking.done()
        proxy.mend()
        assert asking.result().content == "answer"
        proxy.cut()
        with pytest.raises((RequestTimeout, BrokerUnavailable)):
            agent.request(OTHER, 1, timeout=0.1)


@pytest.mark.parametrize("fault", [Fault.REPLY_LOST, Fault.REQUEST_LOST])
def test_an_acknowledgement_whose_reply_was_lost_is_said_again_as_the_same_event(
    make_agent: MakeAgent, redis_url: str, post: PostOffice, server: redis.Redis, fault: Fault
) -> None:
    with spoilt(redis_url, fault, times=0) as proxy:
        agent = make_agent(url=proxy.url)
        post.put("a")
        message = received(agent)
        proxy.spoil(fault)
        agent.ack(message)
        assert proxy.spoilt == 1
    assert len(set(bodies(server))) == 1
    assert len(bodies(server)) == (2 if fault is Fault.REPLY_LOST else 1)
    assert (post.waiting(), post.taken()) == ([], ["msg_a"])


def test_an_acknowledgement_that_was_not_confirmed_is_the_same_when_it_is_said_again(
    make_agent: MakeAgent, redis_url: str, post: PostOffice, server: redis.Redis
) -> None:
    with spoilt(redis_url, Fault.REPLY_LOST, times=0) as proxy:
        agent = make_agent(url=proxy.url, publish_timeout_seconds=SHORT)
        post.put("a")
        message = received(agent)
        proxy.spoil(Fault.REPLY_LOST, times=1000)
        with pytest.raises(BrokerUnavailable, match="acknowledge again"):
            agent.ack(message)
        proxy.mend()
        agent.ack(message)
        assert len(bodies(server)) > 1
        assert len(set(bodies(server))) == 1


@pytest.mark.parametrize("fault", [Fault.REPLY_LOST, Fault.REQUEST_LOST])
@pytest.mark.parametrize("mark", [b"XREADGROUP", b"ZMSCORE", b"XCLAIM"])
def test_what_was_read_and_did_not_arrive_is_read_again(
    make_agent: MakeAgent, redis_url: str, post: PostOffice, fault: Fault, mark: bytes
) -> None:
    with spoilt(redis_url, fault, times=0) as proxy:
        agent = make_agent(url=proxy.url)
        agent.receive(0)
        post.put_event(post.written("late", "msg_late"), expires_at=1)
        post.put("a", "b")
        proxy.spoil(fault, times=2, mark=mark)
        with within(PROMPTLY):
            assert [received(agent).content, received(agent).content] == ["a", "b"]
        assert proxy.spoilt
    assert post.holders() == {"1": ["msg_a", "msg_b"], streams.EXPIRED_CONSUMER: ["msg_late"]}


# --- several readers of one mailbox


def test_one_reads_and_all_get_what_it_reads(agent: Agent, post: PostOffice, server: redis.Redis) -> None:
    readers = [in_thread(agent.receive, 10) for _ in range(3)]
    wait_until(lambda: waiting_clients(server))
    with within(PROMPTLY):
        post.put("a", "b", "c")
        assert sorted(reader.result().content for reader in readers) == ["a", "b", "c"]
    assert post.holders() == {"1": ["msg_a", "msg_b", "msg_c"]}


def test_a_reader_that_waits_for_another_is_told_in_time_that_there_is_nothing(
    agent: Agent, server: redis.Redis
) -> None:
    first = in_thread(agent.receive)
    wait_until(lambda: waiting_clients(server))
    with within(1):
        assert agent.receive(0) is None
        assert agent.receive(0.2) is None
    assert not first.done()
    second = in_thread(agent.receive)
    with within(2):
        agent.close()
        assert [type(one.exception()) for one in (first, second)] == [MailboxClosed] * 2


def test_a_reader_goes_on_where_another_was_cancelled(make_agent: MakeAgent, post: PostOffice) -> None:
    agent = make_agent()
    if not isinstance(agent, AwaitedMailbox):
        pytest.skip("a thread cannot be cancelled")
    first, second = (agent.loop.start(agent.mailbox.receive()) for _ in range(2))
    wait_until(lambda: waiting_clients(post.client))
    first.cancel()
    post.put("a")
    message = second.result(10)
    assert message is not None
    assert message.content == "a"


# --- interrupts


@pytest.fixture
def silent(make_agent: MakeAgent, redis_url: str, post: PostOffice) -> Iterator[tuple[Agent, Proxy]]:
    """A mailbox whose next read puts a message into its hands, and never hears so."""
    with spoilt(redis_url, Fault.SILENCE, times=0) as proxy:
        agent = make_agent(url=proxy.url)
        agent.receive(0)
        proxy.spoil(Fault.SILENCE, mark=b"XREADGROUP")
        yield agent, proxy


def test_a_read_that_is_interrupted_loses_nothing(silent: tuple[Agent, Proxy], post: PostOffice) -> None:
    agent, proxy = silent
    post.put("a")
    if isinstance(agent, AwaitedMailbox):
        receiving = agent.loop.start(agent.mailbox.receive())
        wait_until(lambda: proxy.spoilt and post.holders())
        receiving.cancel()
        with pytest.raises(CancelledError):
            receiving.result()
    else:
        interrupting = in_thread(interrupt_when, lambda: proxy.spoilt and post.holders())
        with pytest.raises(KeyboardInterrupt):
            agent.receive()
        interrupting.result()
    with within(PROMPTLY):
        assert received(agent).content == "a"


def test_many_of_which_the_last_cannot_be_read_come_again(
    make_agent: MakeAgent, post: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, reading = make_agent(), Inbox.reading

    def failing(inbox: Inbox, is_there: Callable[[], bool], seconds: float, most: int | None = None) -> Plan[bool]:
        if most == 7:  # for the two that are there by then
            raise TimeoutError
        return reading(inbox, is_there, seconds, most)

    post.put("a", "b")
    with monkeypatch.context() as patch:
        patch.setattr(Inbox, "reading", failing)
        with pytest.raises(TimeoutError):
            agent.receive_many(9, 1)
    with within(PROMPTLY):
        assert contents(agent.receive_many(2, 1)) == ["a", "b"]


def interrupt_when(condition: Any) -> None:
    wait_until(condition)
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def test_a_request_that_is_cancelled_leaves_what_came_to_others(make_agent: MakeAgent, post: PostOffice) -> None:
    agent = make_agent()
    if not isinstance(agent, AwaitedMailbox):
        pytest.skip("a thread cannot be cancelled")
    asking = agent.loop.start(agent.mailbox.request(OTHER, 1, timeout=30, id="msg_q"))
    wait_until(lambda: bodies(post.client))
    post.put("other")
    wait_until(post.holders)
    asking.cancel()
    post.put("answer", message_type="response", in_reply_to=f"{AGENT}/msg_q")
    assert contents([received(agent), received(agent)]) == ["other", "answer"]


def test_an_inbox_that_is_none_is_told_as_such(agent: Agent, server: redis.Redis) -> None:
    server.delete(INBOX)
    server.set(INBOX, "not a stream")
    with within(2), pytest.raises(PublishError, match="WRONGTYPE") as caught:
        agent.receive()
    assert not isinstance(caught.value, BrokerUnavailable | BrokerFull)
