"""The examples for other languages, against a real server: they do by the documented protocol what they say they do."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import redis

from flowledger.client import Mailbox
from flowledger.domain.envelope import parse
from tests.client.agents import AGENT, OTHER, PostOffice, in_thread
from tests.client.looking import bodies, entries, events
from tests.schema.generated import VALIDATOR
from tests.waiting import wait_until

EXAMPLES: Final = Path(__file__).parent.parent / "examples"
_INSTALL_SECONDS: Final = 60


@pytest.fixture(scope="session")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the examples, beside the packages that they need."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    folder = tmp_path_factory.mktemp("examples") / "examples"
    shutil.copytree(EXAMPLES, folder, ignore=shutil.ignore_patterns("node_modules", "package-lock.json"))
    command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--fetch-retries=0"]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not fetch the packages within {_INSTALL_SECONDS} s")
    if done.returncode:
        pytest.skip(f"npm cannot fetch the packages: {done.stderr[-500:]}")
    return folder


class NodeAgent:
    """`mailbox.mjs` as it runs, and what it prints."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def printed(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line: dict[str, Any] = json.loads(self.process.stdout.readline())
        return line

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        self.process.wait(10)


@pytest.fixture
def server(redis_url: str) -> Iterator[redis.Redis]:
    with closing(redis.Redis.from_url(redis_url)) as client:
        yield client


@pytest.fixture
def post(server: redis.Redis) -> PostOffice:
    return PostOffice(server)


@pytest.fixture
def environment(redis_url: str) -> dict[str, str]:
    return os.environ | {"REDIS_URL": redis_url}


@contextmanager
def node_agent(folder: Path, environment: dict[str, str], *arguments: str) -> Iterator[NodeAgent]:
    with subprocess.Popen(
        ["node", "mailbox.mjs", *arguments], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield NodeAgent(process)
        finally:
            process.kill()


def test_an_event_from_node_is_a_valid_one_in_its_shard(
    node_folder: Path, environment: dict[str, str], server: redis.Redis
) -> None:
    command = ["node", "publish.mjs", "task.completed", "task_0a1b2c3d4e", '{"output": {"words": 12}}']
    subprocess.run(command, cwd=node_folder, env=environment, check=True, timeout=30)
    assert [stream for stream, _, _ in entries(server)] == ["ledger:events:1"]  # as the README says
    assert all(map(VALIDATOR.is_valid, events(server)))
    assert parse(bodies(server)[0]).data.model_dump(exclude_unset=True) == {"output": {"words": 12}}


def test_events_from_python_are_right_by_the_schemas(environment: dict[str, str], server: redis.Redis) -> None:
    subprocess.run([sys.executable, EXAMPLES / "publish.py"], env=environment, check=True, timeout=30)
    types = [event["type"] for event in events(server)]
    assert sorted(types) == ["task.completed", "task.completed", "task.created", "task.logged", "task.started"]
    assert all(map(VALIDATOR.is_valid, events(server)))


def test_an_agent_in_node_answers_and_acknowledges(
    node_folder: Path, environment: dict[str, str], post: PostOffice, server: redis.Redis
) -> None:
    post.put_raw({"message_id": "msg_none"})
    post.put_event(post.written("late", "msg_late"), expires_at=1)
    server.zadd("ledger:taken:" + AGENT, {"msg_old": 1})
    post.put("old")
    post.put("q", message_type="request", attributes={"correlationid": "1/msg_q"})
    with node_agent(node_folder, environment, AGENT) as agent:
        assert agent.printed() == {"id": "msg_q", "from": OTHER, "type": "request", "content": "q"}
        wait_until(lambda: len(events(server)) == 2 and post.waiting() == ["msg_late"], what="the acknowledgement")
        assert abs(post.now_ms - post.signs()["node"]) < 5000
        agent.end()
    said = {event["type"]: event for event in events(server)}
    assert all(map(VALIDATOR.is_valid, events(server)))
    for body in bodies(server):
        assert parse(body).source == f"/sandboxes/{AGENT}"
    assert said["message.sent"]["correlationid"] == "1/msg_q"
    assert said["message.sent"]["data"] == {
        "from_sandbox_id": AGENT,
        "to_sandbox_ids": [OTHER],
        "message_type": "response",
        "in_reply_to": "msg_q",
        "thread_id": "msg_q",
        "content": {"echo": "q"},
    }
    assert (said["message.delivered"]["subject"], said["message.delivered"]["data"]) == (
        "msg_q",
        {"to_sandbox_id": AGENT},
    )
    assert post.taken() == ["msg_old", "msg_q"]
    assert (post.holders(), post.signs()) == ({"expired": ["msg_late"]}, {})


def test_an_agent_in_node_gets_again_what_it_had_in_its_hands(
    node_folder: Path, environment: dict[str, str], post: PostOffice, server: redis.Redis
) -> None:
    post.put("a", "b")
    server.xgroup_create("ledger:inbox:" + AGENT, "mailbox", "0")
    server.xreadgroup("mailbox", "node", {"ledger:inbox:" + AGENT: ">"})
    post.put("c")
    with node_agent(node_folder, environment, AGENT) as agent:
        assert [agent.printed()["content"] for _ in range(3)] == ["a", "b", "c"]


def test_an_agent_in_node_outlives_the_loss_of_all_data(
    node_folder: Path, environment: dict[str, str], post: PostOffice, server: redis.Redis
) -> None:
    with node_agent(node_folder, environment, AGENT) as agent:
        post.put("before")
        assert agent.printed()["content"] == "before"
        wait_until(lambda: not post.waiting(), what="the acknowledgement")
        server.flushall()
        post.put("after")
        assert agent.printed()["content"] == "after"


def test_agents_in_python_and_node_talk(
    node_folder: Path, environment: dict[str, str], redis_url: str, post: PostOffice
) -> None:
    with node_agent(node_folder, environment, AGENT, OTHER, "hello") as agent, Mailbox(OTHER, redis_url) as mailbox:
        wait_until(lambda: post.carry() or post.waiting(OTHER))
        asked = mailbox.receive(5)
        assert asked is not None
        assert (asked.from_sandbox_id, asked.content) == (AGENT, {"text": "hello"})
        mailbox.reply(asked, "hello yourself")
        mailbox.ack(asked)
        asking = in_thread(mailbox.request, AGENT, {"n": 1}, timeout=10)
        wait_until(lambda: post.carry() is None or asking.done())
        assert agent.printed()["content"] == "hello yourself"
        assert agent.printed()["content"] == {"n": 1}
        assert asking.result().content == {"echo": {"n": 1}}
