"""A mailbox that was made, or opened, before a fork: parent and child are two consumers."""

from __future__ import annotations

import subprocess
import sys

import pytest
import redis

from tests.client.agents import PostOffice

FORKED = """
import asyncio, os, sys
from flowledger.client import AsyncMailbox, Mailbox

kind, url, moment = sys.argv[1:]
mailbox = (Mailbox if kind == "Mailbox" else AsyncMailbox)("sb_agent", url)

def run(call, *arguments):
    answer = call(*arguments)
    return runner.run(answer) if asyncio.iscoroutine(answer) else answer

with asyncio.Runner() as runner:
    if moment == "opened":
        run(mailbox.open)
        held = run(mailbox.receive, 5)
    elif moment == "closed":
        run(mailbox.close)
    go, may_go = os.pipe()
    child = os.fork()
    if not child:
        runner = asyncio.Runner()
        try:
            run(mailbox.open)
            print("child", mailbox.consumer, run(mailbox.receive, 0) and "got it", flush=True)
            run(asyncio.to_thread, os.read, go, 1)
            run(mailbox.close)
        except Exception as error:
            print("child", type(error).__name__, flush=True)
        os._exit(0)
    if moment != "closed":
        run(mailbox.open)
    os.write(may_go, b"x")
    run(asyncio.to_thread, os.waitpid, child, 0)  # the event loop gives signs of life meanwhile
    if moment == "opened":
        run(mailbox.ack, held)
    print("parent", mailbox.consumer, flush=True)
    os._exit(0)
"""


def forked(kind: str, url: str, moment: str) -> list[list[str]]:
    """What the child and the parent print, in words."""
    command = [sys.executable, "-c", FORKED, kind, url, moment]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return sorted(line.split() for line in done.stdout.splitlines())


@pytest.fixture(params=["Mailbox", "AsyncMailbox"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_what_was_opened_stays_the_parents(kind: str, redis_url: str, post: PostOffice, server: redis.Redis) -> None:
    post.put("a")
    assert forked(kind, redis_url, "opened") == [["child", "2", "None"], ["parent", "1"]]
    assert set(post.signs()) == {"1"}, "closing in the child leaves the parent's sign"
    assert post.waiting() == []


def test_what_was_only_made_is_opened_by_each(kind: str, redis_url: str, post: PostOffice) -> None:
    (_, child, _), (_, parent) = forked(kind, redis_url, "made")
    assert {child, parent} == {"1", "2"}
    assert set(post.signs()) == {parent}


def test_what_was_closed_stays_closed(kind: str, redis_url: str) -> None:
    assert forked(kind, redis_url, "closed")[0] == ["child", "MailboxClosed"]
