"""The users of `flowledger acl` on real servers: what a role needs works; what it must not do is refused."""

from __future__ import annotations

import asyncio
import base64
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final

import pytest
import redis
from celery import Celery

from flowledger import celeryconfig
from flowledger.cli import processes
from flowledger.cli.embedded import free_port
from flowledger.cli.processes import Process
from flowledger.client import AsyncPublisher, Publisher
from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.services.seed import seed
from flowledger.services.webhooks import WebhookReceiver
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.status.refused_webhooks import refusals
from tests.builders import raw
from tests.cli.acl_servers import PASSWORD, SERVERS, Server, is_refused
from tests.cli.calling import Flowledger
from tests.documented import block
from tests.services.webhooks.calling import SECRET, Kept, call, refused, set_up
from tests.storage.recording import count
from tests.waiting import wait_until


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough here."""
    return sqlite_url


EVENTS: Final = streams.stream(1)
FOREIGN: Final = streams.inbox("sb_2")

FORBIDDEN: Final = [
    "FLUSHALL", "FLUSHDB", "KEYS *", "SCAN 0", "DBSIZE", "RANDOMKEY", "CONFIG GET *", "CONFIG SET maxmemory 1", "SAVE",
    "SHUTDOWN NOSAVE", "MONITOR", "REPLICAOF NO ONE", "ACL LIST", "ACL SETUSER x on nopass +@all ~*",
    "CLIENT LIST", "CLIENT KILL TYPE normal", "CLIENT PAUSE 1", "CLIENT TRACKING ON BCAST", "SCRIPT FLUSH",
    "MODULE LIST", "FUNCTION FLUSH", "FUNCTION LIST", "SWAPDB 0 1", "MIGRATE 127.0.0.1 1 a 0 1", "RESTORE a 0 x",
    "RENAME a b", "SLOWLOG GET", "LATENCY RESET", "CLUSTER RESET", "GET somebody", "SET somebody x",
    "OBJECT ENCODING a", "XADD ledger:events * event x", "XADD ledger:events:8 * event x", "XADD ledger:events:x * a b",
]  # fmt: skip
"""What nobody may."""
READING: Final = [
    f"XRANGE {EVENTS} - +", f"XREVRANGE {EVENTS} + -", f"XREAD STREAMS {EVENTS} 0", f"XINFO STREAM {EVENTS} FULL",
    f"XREADGROUP GROUP g c STREAMS {EVENTS} >", f"COPY {EVENTS} ledger:events:2", f"DUMP {EVENTS}",
]  # fmt: skip
"""Reading what others have published."""
SPOILING: Final = [
    f"DEL {EVENTS}", f"UNLINK {EVENTS}", f"XDEL {EVENTS} 1-1", f"XTRIM {EVENTS} MAXLEN 0", f"EXPIRE {EVENTS} 1",
    f"XSETID {EVENTS} 9-9", f"SET {EVENTS} x", f"RENAME {EVENTS} gone", f"XGROUP DESTROY {EVENTS} g",
    "SET ledger:hold x", "HSET ledger:paused all x", "LPUSH ledger x", "PUBLISH /0.celery.pidbox x",
    "DEL ledger:lease:1", "SET ledger:broker x", "XADD ledger:idle * a b",
]  # fmt: skip
"""Taking away what others have published, and stopping the service."""
MAILS: Final = [
    f"XADD {FOREIGN} * event x", f"XRANGE {FOREIGN} - +", f"XREAD STREAMS {FOREIGN} 0", f"XLEN {FOREIGN}",
    f"XREADGROUP GROUP mailbox c STREAMS {FOREIGN} >", f"XGROUP CREATE {FOREIGN} mailbox 0 MKSTREAM",
    f"XACK {FOREIGN} mailbox 1-1", f"XDEL {FOREIGN} 1-1", f"DEL {FOREIGN}", f"XCLAIM {FOREIGN} mailbox c 0 1-1",
    "HGETALL ledger:consumers:sb_2", "HSET ledger:consumers:sb_2 c 1", "ZADD ledger:taken:sb_2 1 m",
    "ZSCORE ledger:taken:sb_2 m", "SET ledger:posted:1:m:sb_2 x", "DEL ledger:posted:1:m:sb_2",
]  # fmt: skip
"""Another's mail."""
SEEING: Final = [
    *READING,
    f"XLEN {EVENTS}",
    f"HGETALL {streams.PAUSED}",
    "LRANGE celery 0 -1",
    "SUBSCRIBE /0.celery.pidbox",
]
"""Seeing what waits, or whom workers answer."""
ROLES: Final = {
    "producer": (["producer"], [*FORBIDDEN, "INFO", *READING, *SPOILING, *MAILS]),
    "agent": (["agent", "--sandbox", "sb_1"], [*FORBIDDEN, "INFO", *READING, *SPOILING, *MAILS]),
    "reader": (["reader"], [*FORBIDDEN, *SPOILING, *MAILS, f"XADD {EVENTS} * event x"]),
    "beat": (
        ["beat"],
        [*FORBIDDEN, "INFO", *SEEING, *MAILS, *(one for one in SPOILING if not one.startswith("LPUSH ledger"))],
    ),
    "flower": (
        ["flower"],
        [one for one in FORBIDDEN if one != "SCAN 0"]
        + [one for one in SPOILING if "PUBLISH" not in one]
        + ["XADD ledger:inbox:sb_2 * event x", "DEL ledger:inbox:sb_2", "LPUSH ledger x", f"XADD {EVENTS} * event x"],
    ),
    "worker": (["worker"], [one for one in FORBIDDEN if one not in ("INFO", "SCAN 0") and not one.startswith("XADD")]),
}


@pytest.mark.parametrize("role", ROLES)
def test_what_a_role_must_not_do_is_refused(server: Server, role: str) -> None:
    arguments, commands = ROLES[role]
    user = server.user(*arguments)
    entry: Any = server.admin.xadd(EVENTS, {"event": "secret"}, id="1-1")
    server.admin.xadd(FOREIGN, {"event": "secret"}, id="1-1")
    allowed = [command for command in commands if not is_refused(user.client, *command.split(" "))]
    assert allowed == []
    assert server.admin.xrange(EVENTS) == [(entry, {b"event": b"secret"})]
    assert server.admin.xlen(FOREIGN) == 1


@pytest.mark.parametrize("role", ["producer", "agent"])
def test_no_script_and_no_transaction_is_a_way_around(server: Server, role: str) -> None:
    user = server.user(*ROLES[role][0])
    server.admin.xadd(EVENTS, {"event": "secret"})
    for script in (f"return redis.call('XRANGE', '{EVENTS}', '-', '+')", f"return redis.call('DEL', '{FOREIGN}')"):
        with pytest.raises(redis.ResponseError, match=r"(?i)permission|can't (access|run)"):
            user.client.eval(script, 0)
    with user.client.pipeline() as pipeline:
        pipeline.xadd(EVENTS, {"event": "x"})
        pipeline.xrange(EVENTS)
        with pytest.raises(redis.ResponseError, match=r"(?i)permission|can't (access|run)"):
            pipeline.execute()
    assert server.admin.xlen(EVENTS) == 1


# --- what a role needs


def test_a_producer_publishes(server: Server, settings: Settings) -> None:
    user = server.user("producer")
    own = user.settings(settings)
    with Publisher(settings=own) as publisher:
        publisher.publish(raw("task.created"))
        publisher.publish_many([raw("task.created", subject=f"t{place}") for place in range(40)])
        assert publisher.backlog() == 41

    async def publish() -> int:
        async with AsyncPublisher(settings=own) as publisher:
            await publisher.publish_many([raw("task.created") for _ in range(3)])
            return await publisher.backlog()

    assert asyncio.run(publish()) == 44
    assert user.refused() == []


@pytest.mark.parametrize("sandbox", ["sb_1", "a*", "[ab]?\\", "q\"'(é)", ")", "*"])
def test_an_agent_has_its_own_mailbox_and_publishes(server: Server, settings: Settings, sandbox: str) -> None:
    user = server.user("agent", "--sandbox", sandbox)
    inbox, consumers, taken = streams.inbox(sandbox), streams.consumers(sandbox), streams.taken(sandbox)
    client = user.client
    client.xgroup_create(inbox, streams.MAILBOX_GROUP, "0", mkstream=True)
    entries = [server.admin.xadd(inbox, {streams.FIELD: "{}", streams.MESSAGE_ID: f"m{place}"}) for place in range(3)]
    client.hset(consumers, "c1", "1")
    assert client.hsetnx(consumers, "c1", "2") == 0
    assert (client.hget(consumers, "c1"), client.hgetall(consumers)) == (b"1", {b"c1": b"1"})
    assert client.xreadgroup(streams.MAILBOX_GROUP, "c1", {inbox: ">"}, count=2, block=1)
    assert client.xpending(inbox, streams.MAILBOX_GROUP)["pending"] == 2
    assert len(client.xpending_range(inbox, streams.MAILBOX_GROUP, "-", "+", 10)) == 2
    assert client.xclaim(inbox, streams.MAILBOX_GROUP, "c2", 0, [entries[0]])
    assert client.xrange(inbox, count=1)
    assert (client.xlen(inbox), client.zscore(taken, "m0"), client.zmscore(taken, ["m0"])) == (3, None, [None])
    with client.pipeline() as pipeline:
        pipeline.watch(taken)
        milliseconds = client.time()[0] * 1000
        pipeline.multi()
        pipeline.xack(inbox, streams.MAILBOX_GROUP, entries[0])
        pipeline.xdel(inbox, entries[0])
        pipeline.zadd(taken, {"m0": milliseconds})
        pipeline.zremrangebyrank(taken, 0, -streams.TAKEN_KEPT - 1)
        pipeline.xadd(EVENTS, {streams.FIELD: "{}"})
        assert pipeline.execute()[:2] == [1, 1]
    taking = client.register_script("return {redis.call('TIME')[1], redis.call('HDEL', KEYS[1], 'c1')}")
    assert taking(keys=[consumers])[1] == 1
    assert client.eval("return redis.call('XLEN', KEYS[1])", 1, inbox) == 2
    acknowledge = block("docs/contract.md", "lua", "allow-oom")
    assert client.eval(acknowledge, 2, inbox, taken, entries[1], "m1", EVENTS, "{}") == 1
    assert (client.xlen(inbox), client.zscore(taken, "m1") is not None, client.xlen(EVENTS)) == (1, True, 2)
    assert client.expire(taken, 60)
    with Publisher(settings=user.settings(settings)) as publisher:
        publisher.publish_many([raw("message.delivered", to_sandbox_id=sandbox), raw("task.started")])
        assert publisher.backlog() == 4
    assert user.refused() == []
    assert is_refused(client, "XADD", inbox, "*", "event", "x"), "nobody but the ledger puts anything into an inbox"


@pytest.mark.parametrize(
    ("sandbox", "other"), [("a*", "ab"), ("a?", "ab"), ("[ab]", "a"), ("a\\*", "a*"), ("*", "sb_1"), ("sb_1", "sb_11")]
)
def test_an_id_with_signs_that_mean_something_opens_no_other_inbox(server: Server, sandbox: str, other: str) -> None:
    user = server.user("agent", "--sandbox", sandbox)
    assert is_refused(user.client, "XRANGE", streams.inbox(other), "-", "+")
    assert not is_refused(user.client, "XRANGE", streams.inbox(sandbox), "-", "+")


def test_a_worker_s_user_receives_webhooks_and_seeds(server: Server, settings: Settings, storage: Storage) -> None:
    user = server.user("worker")
    set_up(storage)
    with WebhookReceiver(user.settings(settings), storage, Kept(current=SECRET)) as receiver:
        assert not call(receiver).repeated
        assert call(receiver).repeated
        assert refused(receiver, {})[0] == "malformed"
    assert seed(user.settings(settings), storage).made == 10
    assert user.refused() == []
    reader = server.user("reader", "--name", "dashboard")
    assert [one.count for one in refusals(reader.client)] == [1]
    assert reader.refused() == []


def test_a_worker_and_all_that_goes_with_it_run(
    server: Server, settings: Settings, storage: Storage, flowledger: Flowledger, tmp_path: Path, monkeypatch: Any
) -> None:
    """Workers and the commands, beat, and Flower, each as the user of its role; the server has refused them nothing.

    On Valkey `tests.deploy` does the same with the services of `docker-compose.yml`.
    """
    if SERVERS["redis"] and server.admin.info("server").get("server_name") == "valkey":
        pytest.skip("tests.deploy runs them on Valkey")
    users = [server.user(role) for role in ("worker", "beat", "flower")]
    own, beats, flowers = (user.settings(settings) for user in users)
    password = "flower-password"
    port = free_port()
    flower_environment = processes.flower_environment(flowers, port, password)
    running = [
        Process("w1", processes.worker_command(2), processes.worker_environment(own), tmp_path / "w1.log"),
        Process("w2", processes.worker_command(1), processes.worker_environment(own), tmp_path / "w2.log"),
        Process("b", processes.beat_command(tmp_path / "s"), processes.environment(beats), tmp_path / "b.log"),
        Process("f", processes.flower_command(), flower_environment, tmp_path / "f.log"),
    ]
    for name in ("REDIS_URL", "DATABASE_URL"):
        monkeypatch.setenv(name, processes.environment(own)[name])
    try:
        for process in running:
            process.start()
        with Publisher(settings=own) as publisher:
            publisher.publish_many([raw("task.created", subject=f"t{place}") for place in range(100)])
        wait_until(lambda: count(storage, "events") == 100, 60, "all events recorded")
        wait_until(lambda: len(flowledger("status", "--json").json["workers"]) == 2, 60, "two workers that answer")
        wait_until(lambda: flower_answers(port, password), 30, "an answer of Flower")
        with Publisher(settings=own) as publisher:
            publisher.publish(raw("message.sent", subject="m1", to_sandbox_ids=["sb_1"]))
        wait_until(lambda: count(storage, "events") == 102, 60, "a message that is sent")
        server.admin.delete(streams.inbox("sb_1"), streams.posted("m1", "sb_1"))
        assert flowledger("redeliver", "--dry-run", "--json").json["put"] == 1
        assert flowledger("redeliver", "--json").json["put"] == 1
        assert 'ledger_up{server="redis"} 1.0' in flowledger("metrics").out
        assert flowledger("pause").code == flowledger("resume").code == flowledger("wait", "--timeout", "10").code == 0
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()
    assert [user.refused() for user in users] == [[], [], []]
    for path in tmp_path.glob("*.log"):
        assert "NOPERM" not in path.read_text()
        assert PASSWORD not in path.read_text()


def test_beat_rings_and_no_more(server: Server) -> None:
    user = server.user("beat")
    with Celery(broker=user.url) as celery:
        celery.send_task("ledger.look", queue=celeryconfig.task_default_queue)
    assert server.admin.llen(celeryconfig.task_default_queue) == 1
    assert user.refused() == []


def status(flowledger: Flowledger) -> Any:
    return flowledger("status", "--json").json


def flower_answers(port: int, password: str) -> bool:
    token = base64.b64encode(f"flowledger:{password}".encode()).decode()
    for page in ("/workers", "/broker", "/api/workers?refresh=1", "/ledger", "/ledger/drains", "/ledger/dead-letters"):
        request = urllib.request.Request(f"http://127.0.0.1:{port}{page}", headers={"Authorization": f"Basic {token}"})
        try:
            with urllib.request.urlopen(request, timeout=20) as reply:
                if reply.status != 200:
                    return False
        except (urllib.error.URLError, OSError):
            return False
    return True


def test_a_reader_sees_the_status(
    server: Server, settings: Settings, flowledger: Flowledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All but the workers: who may ask them may stop them."""
    server.admin.xadd(EVENTS, {"event": "{}"})
    server.admin.hset(streams.PAUSED, "1", '{"by": "jo", "at": "2026-01-31T12:00:00Z", "why": "a test"}')
    server.admin.hset(streams.COUNTERS, "recorded", "7")
    server.admin.xadd("ledger:events", {"event": "{}"})
    server.admin.xadd("ledger:events:8", {"event": "{}"})
    user = server.user("reader")
    for name in ("REDIS_URL", "DATABASE_URL"):
        monkeypatch.setenv(name, processes.environment(user.settings(settings))[name])
    seen = status(flowledger)
    assert (seen["backlog"]["1"], list(seen["oldest_seconds"]), seen["paused"]["1"]["by"]) == (1, ["1"], "jo")
    assert (seen["totals"], seen["workers"], seen["signatures"]) == ({"recorded": 7}, None, None)
    assert seen["strays"] == {"ledger:events": 1, "ledger:events:8": 1}
    metrics = flowledger("metrics").out
    assert all(one in metrics for one in ('ledger_up{server="redis"} 1.0', 'ledger_shard_paused{shard="1"} 1.0'))
    assert "not known: this user of Redis may not ask them" in flowledger("status").out
    assert flowledger("wait", "--timeout", "0").code == 1
