"""What a mailbox needs of Redis stays within what an ACL for one inbox allows (contract, section 8)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

import pytest
import redis

from flowledger.cli.embedded import EmbeddedValkey
from flowledger.domain.errors import PublishError, RequestTimeout
from tests.client.agents import AGENT, OTHER, MakeAgent, PostOffice, contents, received
from tests.client.looking import events

KEYS: Final = (
    f"~ledger:inbox:{AGENT}", f"~ledger:consumers:{AGENT}", f"~ledger:taken:{AGENT}", "%W~ledger:events:*"
)  # fmt: skip
COMMANDS: Final = (
    "+time", "+eval", "+hset", "+hget", "+hgetall", "+hdel", "+xgroup|create", "+xreadgroup", "+xpending", "+xclaim",
    "+xack", "+xdel", "+xadd", "+zadd", "+zremrangebyrank", "+zcard", "+xlen", "+pexpire", "+zmscore", "+multi",
    "+exec",
)  # fmt: skip


@pytest.fixture
def post(own_valkey: EmbeddedValkey) -> Iterator[PostOffice]:
    """The post office of a server that has a user for one agent."""
    with closing(redis.Redis.from_url(own_valkey.url)) as client:
        client.execute_command("ACL", "SETUSER", "agent", "on", ">secret", "-@all", *KEYS, *COMMANDS)
        yield PostOffice(client)


@pytest.fixture
def url(own_valkey: EmbeddedValkey) -> str:
    return own_valkey.url.replace("redis://", "redis://agent:secret@")


def test_the_user_of_one_agent_may_do_all_that_a_mailbox_does(
    make_agent: MakeAgent, url: str, post: PostOffice
) -> None:
    first, second = make_agent(url=url, consumer="one"), make_agent(url=url, consumer="two")
    post.put_event(post.written("late", "msg_late"), expires_at=1)
    response: dict[str, Any] = {
        "message_type": "response",
        "in_reply_to": "q",
        "attributes": {"correlationid": "two/q"},
    }
    post.put_event(post.written("for two", "msg_two", **response))
    post.put("a", "a", "b", "c")
    assert contents(first.receive_many(9, 1)) == ["a", "b", "c"]
    assert received(second).content == "for two"
    with pytest.raises(RequestTimeout):
        second.request(OTHER, 1, timeout=0.01)
    first.close()
    again = make_agent(url=url, consumer="one")
    a, b, c = again.receive_many(9, 1)
    again.ack(a)
    again.nack(b, "no")
    again.reply(c, 1)
    again.send(OTHER, 1, expires_in=60)
    assert len(events(post.client)) == 5
    again.close()
    assert list(post.signs()) == ["two"]
    assert make_agent(url=url).consumer == "1"


def test_it_may_not_read_the_inbox_of_another(make_agent: MakeAgent, url: str, post: PostOffice) -> None:
    with pytest.raises(PublishError, match="permission"):
        make_agent(OTHER, url=url)
