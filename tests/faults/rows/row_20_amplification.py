"""Row 20: small inputs that make large ones: broadcasts, many recipients, floods, unread streams, full inboxes.

Others hardly notice, and what Redis and the disk must hold is bounded.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import redis as redis_py
from sqlalchemy import func, select, text

from flowledger.cli.acl import Role
from flowledger.client import Mailbox
from flowledger.domain import streams
from flowledger.storage import tables
from tests.faults import commands, names
from tests.faults.delays import in_pairs, measure, show_that_it_can_fail
from tests.faults.judge import Others
from tests.faults.report import percentile
from tests.faults.telling import client_of, event, tell, user_settings
from tests.faults.trial import Dose, Row, Trial
from tests.faults.usage import watching_redis

_WORKSPACE: Final = 10_000
_SMALL_WORKSPACE: Final = 500
_CONTENT: Final = {"text": "x" * 1000}
_ENTRY: Final = 4 * 2**10
"""Bytes of Redis for each message in an inbox, beside the event's own without its recipients."""
_SLACK: Final = 64 * 2**20
"""Bytes of Redis for what waits to be recorded meanwhile, and buffers."""
_FLOOD: Final = 2_000
_CONFLICTS: Final = 5_000
_FULL: Final = 24 * 2**20
_LARGE: Final = 200_000
_QUIET: Final = 20


def run(trial: Trial) -> None:
    """The control; a broadcast and a message to many beside other events, in pairs; then what comes apart."""
    trial.others = Others(strangers=True)
    with trial.same_workers():
        show_that_it_can_fail(trial, max(trial.dose.later, 0.5))
        _many_recipients(trial)
        _unread_streams(trial)
        _full_of_inboxes(trial)
        _quiet_sandboxes(trial)
        trial.judge()
        trial.world.empty()
        _flood(trial)
        if not trial.dose.few:
            _conflicts(trial)
    trial.world.redis.flushall()  # what was set aside is none of the next row's


def _many_recipients(trial: Trial) -> None:
    """A broadcast to a workspace, and a message that names as many as are allowed, beside the others."""
    count = _SMALL_WORKSPACE if trial.dose.few else _WORKSPACE
    name = trial.name("ws")
    members = [f"sb_{name}_{number}" for number in range(count)]
    tell(trial, (event("sandbox.created", member, workspace_id=name) for member in members))
    trial.drain()
    named = members[: names.most_recipients(trial.world.settings)]

    def send(turn: int, seconds: float) -> None:
        common = {"from_sandbox_id": "sb_boss", "message_type": "notification", "content": _CONTENT}
        cast = event("message.sent", f"msg_{name}_cast_{turn}", **common, broadcast=True, workspace_id=name)
        to_many = event("message.sent", f"msg_{name}_many_{turn}", **common, to_sandbox_ids=named)
        tell(trial, [cast, to_many])
        trial.outcome.faults += 2

    with watching_redis(trial.world) as memory:
        delays = in_pairs(trial, trial.dose.events, send)
        trial.drain()
    delivered = trial.dose.faults * (count + len(named))
    most = delivered * (_ENTRY + len(str(_CONTENT))) + _SLACK
    trial.note(f"a broadcast to {count:,}, a message to {len(named):,}, {trial.dose.rate:,.0f} others/s: p99 {delays}")
    trial.note(f"Redis grew by {memory.grown / 2**20:.0f} MB, {memory.grown // delivered:,} bytes a delivery")
    if delays.later > trial.dose.later:
        trial.shortcoming(f"others are {delays.later:.2f} s later beside broadcasts (I6)")
    if memory.grown > most:
        trial.shortcoming(f"Redis grew by {memory.grown:,} bytes, {most:,} are allowed")


def _unread_streams(trial: Trial) -> None:
    """Streams beyond the shards: no agent or producer may write there, and `status` names those that somebody made."""
    agent = client_of(user_settings(trial, Role.AGENT, "sb_eve"))
    producer = client_of(user_settings(trial, Role.PRODUCER))
    shards = trial.world.settings.shards
    allowed = []
    for stream in (
        f"ledger:events:{shards}",
        "ledger:events",
        "ledger:events:99999",
        "ledger:events:01",
        "ledger:events:x",
    ):
        for client in (agent, producer):
            trial.outcome.faults += 1
            with contextlib.suppress(redis_py.exceptions.NoPermissionError):
                client.xadd(stream, {streams.FIELD: "x"})
                allowed.append(stream)
                trial.world.redis.delete(stream)
    trial.control("a producer may write to a shard's stream", producer.xadd(streams.stream(0), {"control": "x"}))
    trial.refused.append(b"x")
    if allowed:
        trial.shortcoming(f"streams nobody reads take entries of an agent or a producer: {sorted(set(allowed))}")
    by_mistake = f"ledger:events:{shards}"
    trial.world.redis.xadd(by_mistake, {streams.FIELD: "x"})
    if by_mistake not in commands.status(trial):
        trial.shortcoming("status does not name a stream that nobody reads (I7)")
    trial.world.redis.delete(by_mistake)


def _full_of_inboxes(trial: Trial) -> None:
    """Inboxes of agents that never come fill Redis: others publish, and acknowledge, all the same."""
    redis: Any = trial.world.redis
    settings = trial.world.direct
    dead = [f"sb_{trial.name('dead')}" for _ in range(4)]
    with Mailbox("sb_alive", settings=settings) as alive, Mailbox("sb_boss", settings=settings) as boss:
        boss.send("sb_alive", "before")
        message = alive.receive(30)
        assert message is not None
        redis.config_set("maxmemory", redis.info("memory")["used_memory"] + _FULL)
        try:
            sent = {"from_sandbox_id": "sb_boss", "to_sandbox_ids": dead, "message_type": "notification"}
            large = sent | {"content": "x" * _LARGE}
            for number in range(_FULL // _LARGE):
                _must(trial, "send", partial(tell, trial, [event("message.sent", f"msg_{dead[0]}_{number}", **large)]))
                trial.wait(trial.world.is_drained, "an empty backlog")
            trial.outcome.faults += 1
            _must(trial, "acknowledge", partial(alive.ack, message))
            _must(trial, "publish", partial(tell, trial, [event("task.started", f"task_{dead[0]}")]))
        finally:
            redis.config_set("maxmemory", 0)
            for sandbox in dead:
                redis.delete(streams.inbox(sandbox))
    trial.wait(trial.world.is_drained, "an empty backlog")
    with trial.world.engine.begin() as connection:  # nobody will ever take these
        connection.execute(text("DELETE FROM outbox WHERE to_sandbox_id = ANY(:dead)"), {"dead": dead})


def _must(trial: Trial, what: str, act: Callable[[], object]) -> None:
    """Whatever the error is, the row goes on and tells it."""
    try:
        act()
    except Exception as error:
        trial.shortcoming(f"one cannot {what} while inboxes fill Redis: {type(error).__name__}")


def _quiet_sandboxes(trial: Trial) -> None:
    """Sandboxes that got a message, acknowledged it and left: what Redis keeps of them expires."""
    settings = trial.world.direct
    quiet = [f"sb_{trial.name('quiet')}" for _ in range(_QUIET)]
    with Mailbox("sb_boss", settings=settings) as boss:
        for sandbox in quiet:
            boss.send(sandbox, "hello")
    for sandbox in quiet:
        with Mailbox(sandbox, settings=settings) as mailbox:
            message = mailbox.receive(30)
            assert message is not None
            mailbox.ack(message)
    trial.drain()
    redis: Any = trial.world.redis
    kept = [key for sandbox in quiet for key in redis.scan_iter(f"ledger:*{sandbox}*") if redis.pttl(key) == -1]
    if kept:
        trial.shortcoming(f"{len(kept)} keys of {_QUIET} quiet sandboxes never expire, {kept[0].decode()} among them")


def _flood(trial: Trial) -> None:
    """Entries of one byte, and nothing else, on every shard: what is healthy goes on, and little is buried."""
    settings = trial.world.settings

    def pour() -> None:
        with trial.world.redis.pipeline(transaction=False) as pipeline:
            for number in range(_FLOOD):
                pipeline.xadd(streams.stream(number % settings.shards), {streams.FIELD: "x"})
            pipeline.execute()
        trial.outcome.faults += 1

    trial.tell(f"{_FLOOD:,} entries of one byte")
    late = percentile(measure(trial, trial.dose.events // 2, pour), 0.99)
    buried = _dead_letters(trial)
    trial.note(f"a flood of {_FLOOD:,} entries of one byte: p99 of the others {late * 1000:.0f} ms, {buried:,} buried")
    bound = max(trial.dose.later, 1.0)
    if late > bound:
        trial.shortcoming(f"beside a flood of rubbish others are recorded after {late:.1f} s (I6)")
    if buried > 2 * settings.fuse_entries * settings.shards:
        trial.shortcoming(f"{buried:,} entries of a flood were buried")


def _conflicts(trial: Trial) -> None:
    """One producer uses one id again and again: an alarm comes before its dead letters fill a disk."""
    first, *others = (
        event("task.completed", "task_again", output=f"{number} {'x' * 10_000}") | {"id": "again", "source": "/again"}
        for number in range(_CONFLICTS)
    )
    tell(trial, [first])
    late = percentile(measure(trial, trial.dose.events // 2, lambda: _tell_all(trial, others)), 0.99)
    trial.wait(lambda: trial.world.backlog() < _CONFLICTS // 10, "most of them dealt with")
    trial.note(
        f"{_CONFLICTS:,} conflicts of 10 kB: p99 of the others {late * 1000:.0f} ms, {_dead_letters(trial):,} buried"
    )
    told = trial.world.worker_logs() + commands.status(trial)
    if not names.TOLD_OF_BURIALS.search(told):
        trial.shortcoming("neither log nor status tells that one producer's dead letters grow without end (I7)")


def _tell_all(trial: Trial, events: list[dict[str, Any]]) -> None:
    tell(trial, events)
    trial.outcome.faults += 1


def _dead_letters(trial: Trial) -> int:
    with trial.world.engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(tables.dead_letters)).scalar_one())


ROW: Final = Row(
    number=20,
    title="a broadcast to 10,000, most recipients, floods of rubbish, streams nobody reads, inboxes of the dead",
    run=run,
    sample=Dose(faults=1, rate=250, few=True, events=300, later=10.0),
    long=Dose(faults=3, rate=500, events=10_000, later=0.1),
)
