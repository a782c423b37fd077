"""What is said to Redis about itself: whose broker it is, where it is, and where its streams end."""

from __future__ import annotations

from typing import Any

import redis

from flowledger.domain.times import milliseconds
from flowledger.storage.ledger.checkpoints import Checkpoint
from flowledger.workers import scripts
from flowledger.workers.connections import text
from flowledger.workers.tending import AHEAD_MS


def claim(client: redis.Redis, key: str, milliseconds: int, name: str = "1") -> bool:
    """Whether the caller alone may do what `key` stands for, for a while; also while the broker's memory is full."""
    return bool(client.eval(scripts.CLAIM, 1, key, str(milliseconds), name))


def release(client: redis.Redis, key: str, name: str) -> None:
    """Give back what was claimed under this name, if nobody else has it by now."""
    client.eval(scripts.RELEASE, 1, key, name)


def place_of(client: redis.Redis) -> str:
    """The Redis process and the number of its database; empty where this user may not ask."""
    try:
        info: Any = client.info("server")
    except redis.exceptions.NoPermissionError:
        return ""
    return f"{info['run_id']}/{client.connection_pool.connection_kwargs.get('db', 0)}"


def lift(client: redis.Redis, checkpoints: list[Checkpoint]) -> None:
    """See to it that streams of Redis which are younger than what was recorded of them give new ids."""
    with client.pipeline(transaction=False) as pipeline:
        for checkpoint in filter(_is_by_the_clock, checkpoints):
            pipeline.eval(scripts.LIFT, 1, checkpoint.stream, checkpoint.entry_id)
        pipeline.execute()


def lost_entries(client: redis.Redis, checkpoints: list[Checkpoint]) -> list[tuple[Checkpoint, str]]:
    """Streams that end before an entry that was recorded of them, so Redis has gone back, and the entry they end at."""
    known = [*filter(_is_by_the_clock, checkpoints)]
    with client.pipeline(transaction=False) as pipeline:
        for checkpoint in known:
            pipeline.xinfo_stream(checkpoint.stream)
        replies = pipeline.execute(raise_on_error=False)
    ends = [text(reply["last-generated-id"]) if isinstance(reply, dict) else "0-0" for reply in replies]
    return [(one, end) for one, end in zip(known, ends, strict=True) if _entry(end) < _entry(one.entry_id)]


def _is_by_the_clock(checkpoint: Checkpoint) -> bool:
    """A producer may give an entry any id; a stream that it used up begins anew (`workers.tending`)."""
    return _entry(checkpoint.entry_id)[0] <= milliseconds(checkpoint.recorded_at) + AHEAD_MS


def _entry(entry_id: str) -> tuple[int, int]:
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number or 0)
