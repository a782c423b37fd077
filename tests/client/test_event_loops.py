"""One object of asyncio in one event loop after another, as with `asyncio.run` for each call of a script."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import redis

from flowledger.cli.embedded import EmbeddedValkey
from flowledger.client import AsyncMailbox, AsyncPublisher, Message
from tests.builders import event
from tests.client.agents import AGENT, PostOffice, in_thread
from tests.client.looking import events
from tests.client.publishers import Loop
from tests.waiting import wait_until


def clients(server: redis.Redis) -> int:
    return len(server.client_list())


def test_a_publisher_publishes_in_each(redis_url: str, server: redis.Redis) -> None:
    publisher = AsyncPublisher(redis_url)
    before = clients(server)
    given = [event("task.started", subject="t") for _ in range(3)]
    for one in given:
        assert asyncio.run(publisher.publish(one)).entry_id
        wait_until(lambda: clients(server) == before, what="that the connections end with their event loop")
    assert events(server) == given
    assert asyncio.run(publisher.backlog()) == 3


def test_a_publisher_publishes_in_two_at_once(redis_url: str, server: redis.Redis) -> None:
    publisher = AsyncPublisher(redis_url)
    loops = [Loop(), Loop()]
    for _ in range(3):
        for started in [loop.start(publisher.publish(event("task.started"))) for loop in loops]:
            assert started.result().entry_id
    for loop in loops:
        loop.run(publisher.close())
        loop.end()
    assert len(events(server)) == 6


def test_a_publisher_that_is_closed_in_another_loop_has_no_connections_left(
    redis_url: str, server: redis.Redis
) -> None:
    before = clients(server)
    publisher = AsyncPublisher(redis_url)
    asyncio.run(publisher.publish(event("task.started")))
    asyncio.run(publisher.close())
    wait_until(lambda: clients(server) == before, what="the end of the connections")


def test_what_waits_in_the_spool_is_sent_in_the_next(own_valkey: EmbeddedValkey, tmp_path: Path) -> None:
    own_valkey.stop()
    publisher = AsyncPublisher(own_valkey.url, spool=tmp_path / "spool", publish_timeout_seconds=0.2)
    for _ in range(2):
        assert asyncio.run(publisher.publish(event("task.started"))).spooled
    own_valkey.start()
    assert asyncio.run(publisher.flush_spool()) == 0
    assert asyncio.run(publisher.backlog()) == 2
    asyncio.run(publisher.close())


def test_a_mailbox_receives_and_acknowledges_in_each(redis_url: str, post: PostOffice) -> None:
    mailbox = AsyncMailbox(AGENT, redis_url)
    post.put("a", "b")
    message = asyncio.run(mailbox.receive(5))
    assert message is not None
    asyncio.run(mailbox.ack(message))
    assert post.waiting() == ["msg_b"]

    async def rest() -> list[Message]:
        async with mailbox:
            return await mailbox.receive_many(5, 5)

    assert [one.content for one in asyncio.run(rest())] == ["b"]
    assert post.signs() == {}, "it was closed"


def test_a_mailbox_gives_signs_of_life_in_the_next(redis_url: str, post: PostOffice) -> None:
    mailbox = AsyncMailbox(AGENT, redis_url)
    asyncio.run(mailbox.open())
    (first,) = post.signs().items()

    async def live() -> None:
        await mailbox.open()
        await asyncio.to_thread(wait_until, lambda: list(post.signs().items()) > [first])
        await mailbox.close()

    asyncio.run(live())


def test_a_reader_of_one_loop_does_not_hold_those_of_another(redis_url: str, post: PostOffice) -> None:
    """The loop of the first ends while it reads, and waits for its turn: the next one has it."""
    mailbox = AsyncMailbox(AGENT, redis_url)

    async def given_up() -> None:
        readers = [asyncio.ensure_future(mailbox.receive()) for _ in range(3)]
        clients: Any = None
        while not clients:
            info: Any = await asyncio.to_thread(post.client.info, "clients")
            clients = info["blocked_clients"]
        assert not any(reader.done() for reader in readers)

    asyncio.run(given_up())
    post.put("a")
    received = in_thread(asyncio.run, mailbox.receive(5)).result()
    assert received.content == "a"
    asyncio.run(mailbox.close())
