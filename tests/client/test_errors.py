"""What a producer or an agent is told: every error is a LedgerError, with what is wrong, where, and what to do."""

from __future__ import annotations

import traceback
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
import redis

from flowledger.cli.embedded import free_port
from flowledger.client import AsyncMailbox, AsyncPublisher, Mailbox, Publisher
from flowledger.client.plans.redis_errors import reason
from flowledger.domain.errors import (
    BrokerUnavailable,
    InvalidArgument,
    LedgerError,
    NoEvent,
    NoMessage,
    PublishError,
    SettingsError,
)
from flowledger.domain.events import TaskCompleted
from flowledger.domain.settings import Settings
from tests.builders import event
from tests.client.agents import AGENT, OTHER, Agent, MakeAgent, PostOffice, in_thread, received
from tests.client.looking import bodies, events
from tests.client.publishers import AnyPublisher, MakePublisher
from tests.waiting import wait_until

SHORT: Final = 0.1
PASSWORD: Final = "hunter2"
NAN: Final = float("nan")


def refusing(port: int) -> str:
    """The URL of a server that is not there, with a password."""
    return f"redis://me:{PASSWORD}@127.0.0.1:{port}/0"


def test_a_refused_connection_names_the_server_and_the_reason_and_no_password(make_publisher: MakePublisher) -> None:
    port = free_port()
    publisher = make_publisher(refusing(port), publish_timeout_seconds=SHORT)
    with pytest.raises(BrokerUnavailable) as caught:
        publisher.publish(event("task.started"))
    why = f"Redis at 127.0.0.1:{port} did not answer within 0.1 s: connection refused"
    assert str(caught.value).startswith(f"1 event not confirmed: {why}; publish again")
    assert (caught.value.why, caught.value.address) == (why, f"127.0.0.1:{port}")
    assert PASSWORD not in "".join(traceback.format_exception(caught.value)) + repr(caught.value)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://no-such-host.invalid:7000/0", "Redis at no-such-host.invalid:7000 did not answer"),
        ("redis://no-such-host.invalid/0", "the name of the host is not known"),
        (
            "unix:///nowhere/redis.sock",
            "Redis at /nowhere/redis.sock did not answer within 0.1 s: no such file",
        ),
        ("redis://[::1]:1/0", "Redis at [::1]:1 did not answer"),
    ],
)
def test_a_server_that_cannot_be_reached_is_named(make_publisher: MakePublisher, url: str, words: str) -> None:
    with pytest.raises(BrokerUnavailable) as caught:
        make_publisher(url, publish_timeout_seconds=SHORT).backlog()
    assert words in str(caught.value)


def test_a_mailbox_names_the_server_as_well(make_agent: MakeAgent) -> None:
    port = free_port()
    agent = make_agent(url=refusing(port), is_open=False, publish_timeout_seconds=SHORT)
    for ask in (lambda: agent.send(OTHER, 1), agent.open, lambda: agent.receive(0)):
        with pytest.raises(BrokerUnavailable, match=f"Redis at 127.0.0.1:{port} did not answer .*: connection refused"):
            ask()


def test_what_redis_refuses_names_the_server(publisher: AnyPublisher, redis_url: str, server: Any) -> None:
    published = publisher.publish(event("task.started"))
    server.delete(published.stream)
    server.set(published.stream, "not a stream")
    for one in ([event("task.started")], [event("task.started")] * 2):  # also within a transaction
        with pytest.raises(PublishError, match=r"Redis at [^ ]*:\d+ refuses: WRONGTYPE") as caught:
            publisher.publish_many(one)
        assert caught.value.address in redis_url


def test_the_reason_of_several_addresses_is_that_of_the_first() -> None:
    """As asyncio tells it, where a name has an address of each kind."""
    both = "Multiple exceptions: [Errno 111] Connect call failed ('::1', 1, 0, 0), [Errno 111] Connect call failed (…)"
    assert reason(OSError(both)) == "connection refused"


# --- what is no event


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (12, "an event is an Envelope, a dict, or JSON text; this is of type int"),
        (None, "this is of type NoneType"),
        (TaskCompleted(), r"Envelope.of\(TaskCompleted\(…\), source=…, subject=…\)"),
    ],
)
def test_what_is_no_event_is_told_with_its_place(publisher: AnyPublisher, given: Any, words: str) -> None:
    with pytest.raises(NoEvent, match=words):
        publisher.publish(given)
    with pytest.raises(NoEvent, match=rf"event 1 \(from 0\): .*{words}") as caught:
        publisher.publish_many([event("task.started"), given])
    assert caught.value.index == 1


@pytest.mark.parametrize("form", [dict, str, bytes, int, "prepared"], ids=str)
def test_one_event_is_not_several(publisher: AnyPublisher, server: Any, form: Any) -> None:
    given: Any = publisher.prepare(event("task.started")) if form == "prepared" else form()
    with pytest.raises(NoEvent, match="publish_many takes several events, not one"):
        publisher.publish_many(given)


def test_a_setting_that_cannot_be_used_is_told_in_our_words(redis_url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Publisher(redis_url, shards="x")
    assert str(caught.value) == "shards: must be a whole number, not 'x'"


def clients(*arguments: Any, **given: Any) -> list[Any]:
    """One of each kind."""
    publishers = [Publisher(*arguments, **given), AsyncPublisher(*arguments, **given)]
    return [*publishers, Mailbox("sb_1", *arguments, **given), AsyncMailbox("sb_1", *arguments, **given)]


def test_what_is_given_wins_over_settings() -> None:
    settings = Settings(redis_url="redis://settings:6379/0", shards=4, publish_timeout_seconds=9)
    for client in clients("redis://given:6379/0", settings=settings, shards=16):
        assert client.settings.redis_url.get_secret_value() == "redis://given:6379/0"
        assert (client.settings.shards, client.settings.publish_timeout_seconds) == (16, 9)
    for client in clients(settings=settings, REDIS_URL="redis://given:6379/0"):
        assert client.settings.redis_url.get_secret_value() == "redis://given:6379/0"
    for client in clients(settings=settings):
        assert client.settings is settings
    assert settings.shards == 4


def test_what_is_given_with_settings_is_checked_as_they_are() -> None:
    settings = Settings(redis_url="redis://settings:6379/0")
    for kind in (Publisher, AsyncPublisher, partial(Mailbox, "sb_1"), partial(AsyncMailbox, "sb_1")):
        with pytest.raises(SettingsError, match="shards: must be a whole number, not 'x'"):
            kind(settings=settings, shards="x")


# --- what a mailbox cannot use


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"expires_in": "soon"}, "expires_in must be a number of seconds or a timedelta, not of type str"),
        ({"expires_in": True}, "expires_in must be a number of seconds or a timedelta, not of type bool"),
        ({"expires_in": float("inf")}, "no calendar has the time inf s from now"),
        ({"expires_in": float("nan")}, "no calendar has the time nan s from now"),
        ({"expires_in": timedelta.max}, "no calendar has the time"),
    ],
)
def test_an_expiry_that_is_none_is_told(agent: Agent, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        agent.send(OTHER, 1, **options)


def test_whom_a_message_goes_to_is_text(agent: Agent) -> None:
    nobody: Any = 12
    with pytest.raises(InvalidArgument, match="to must be the id of a sandbox or several of them, not of type int"):
        agent.send(nobody, 1)


@pytest.mark.parametrize("sandbox", ["", None, 12, b"sb_1", "\x00"])
def test_a_mailbox_without_the_id_of_a_sandbox_is_none(make_agent: MakeAgent, sandbox: Any) -> None:
    with pytest.raises(SettingsError, match="a mailbox needs the id of its sandbox"):
        make_agent(sandbox, is_open=False)


def test_what_is_no_message_is_neither_answered_nor_acknowledged(agent: Agent) -> None:
    message: Any = "msg_1"
    with pytest.raises(NoMessage, match="reply to the Message itself, as `receive` returned it, not 'msg_1'"):
        agent.reply(message, 1)
    with pytest.raises(NoMessage, match="acknowledge the Message itself, as `receive` returned it, not 'msg_1'"):
        agent.ack(message)


def test_a_message_to_another_is_not_acknowledged_here(agent: Agent, make_agent: MakeAgent, post: PostOffice) -> None:
    post.put("a", to=OTHER)
    message = make_agent(OTHER).receive(5)
    assert message is not None
    with pytest.raises(InvalidArgument, match="only messages to sb_agent can be acknowledged here, not one to sb_oth"):
        agent.ack(message)


def test_at_least_one_message_is_asked_for(agent: Agent) -> None:
    with pytest.raises(InvalidArgument, match="most must be at least 1, not 0"):
        agent.receive_many(0)


def test_arguments_are_errors_of_the_ledger_and_of_python() -> None:
    assert issubclass(InvalidArgument, LedgerError)
    assert issubclass(InvalidArgument, ValueError)


@pytest.mark.parametrize("reason", [None, 7, b"no", [], {}])
def test_a_message_that_failed_needs_a_reason(agent: Agent, post: PostOffice, server: redis.Redis, reason: Any) -> None:
    post.put("a")
    message = received(agent)
    words = f"nack needs a reason that is text, not one of type {type(reason).__name__}; ack reports a message as done"
    with pytest.raises(InvalidArgument, match=words):
        agent.nack(message, reason)
    assert bodies(server) == []
    agent.nack(message, "")
    assert [one["type"] for one in events(server)] == ["message.failed"]


@pytest.mark.parametrize(("own_id", "what"), [(0, "of type int"), (b"m", "of type bytes"), ("", "empty text")])
def test_the_id_of_a_message_is_text(agent: Agent, server: redis.Redis, own_id: Any, what: str) -> None:
    words = f"id must be text, or None for a fresh one, not {what}"
    with pytest.raises(InvalidArgument, match=words):
        agent.send(OTHER, 1, id=own_id)
    with pytest.raises(InvalidArgument, match=words):
        agent.request(OTHER, 1, timeout=0, id=own_id)
    assert bodies(server) == []


@pytest.mark.parametrize("consumer", ["", 0, 7, b"1"])
def test_the_name_of_a_consumer_is_text(make_agent: MakeAgent, consumer: Any) -> None:
    with pytest.raises(SettingsError, match="cannot be the name of a consumer"):
        make_agent(is_open=False, consumer=consumer)


@pytest.mark.parametrize(
    ("timeout", "words"),
    [("5", "not of type str"), (True, "not of type bool"), (timedelta(1), "not of type timedelta"), (NAN, "not nan")],
)
def test_a_time_out_is_a_number_of_seconds(
    agent: Agent, make_publisher: MakePublisher, redis_url: str, tmp_path: Path, server: redis.Redis, timeout: Any,
    words: str,
) -> None:  # fmt: skip
    spooling = make_publisher(redis_url, spool=tmp_path / "spool")
    for ask in (agent.receive, partial(agent.receive_many, 1), lambda given: agent.request(OTHER, 1, timeout=given)):
        with pytest.raises(InvalidArgument, match=f"timeout must be a number of seconds, {words}"):
            ask(timeout)
    with pytest.raises(InvalidArgument, match=f"timeout_seconds must be a number of seconds, {words}"):
        spooling.flush_spool(timeout)
    assert bodies(server) == []


def test_a_request_has_a_time_out(agent: Agent, server: redis.Redis) -> None:
    never: Any = None
    with pytest.raises(InvalidArgument, match="timeout must be a number of seconds, not of type NoneType"):
        agent.request(OTHER, 1, timeout=never)
    assert bodies(server) == []


@pytest.mark.parametrize("timeout", [float("inf"), 10**400, 1e300, 1e12], ids=range(4))
def test_a_time_out_may_be_endless(agent: Agent, post: PostOffice, timeout: float) -> None:
    waiting = in_thread(agent.receive, timeout)
    post.put("a")
    assert waiting.result(10).content == "a"


@pytest.mark.parametrize("timeout", [0, -1, -float("inf"), -(10**400)], ids=range(4))
def test_a_time_that_is_over_is_not_waited_for(agent: Agent, post: PostOffice, timeout: float) -> None:
    assert agent.receive(timeout) is None
    post.put("a")
    assert received(agent, timeout).content == "a"


@pytest.mark.parametrize("most", ["3", 2.5, None, True])
def test_messages_are_asked_for_by_a_whole_number(agent: Agent, post: PostOffice, most: Any) -> None:
    post.put("a", "b", "c")
    with pytest.raises(InvalidArgument, match=f"most must be a whole number, not of type {type(most).__name__}"):
        agent.receive_many(most)
    assert post.holders() == {}


def test_one_call_awaits_the_response_to_a_request(agent: Agent, post: PostOffice, server: redis.Redis) -> None:
    asking = in_thread(agent.request, OTHER, 1, timeout=10, id="q")
    wait_until(lambda: bodies(server))
    with pytest.raises(InvalidArgument, match=f"another call awaits the response to {AGENT}/q: .*another id"):
        agent.request(OTHER, 1, timeout=10, id="q")
    post.put("answer", message_type="response", in_reply_to=f"{AGENT}/q")
    assert asking.result(10).content == "answer"
    assert len(bodies(server)) == 1
