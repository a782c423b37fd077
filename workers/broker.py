"""Questions to Redis about itself: who holds a key, which process it is, and where its streams end."""

from __future__ import annotations

from typing import Any

import redis

from flowledger.domain.times import milliseconds
from flowledger.storage.ledger.checkpoints import Checkpoint
from flowledger.workers import scripts
from flowledger.workers.connections import text
from flowledger.workers.tending import AHEAD_MS


def claim(client: redis.Redis, key: str, milliseconds: int, name: str = "1") -> bool:
    """Claim `key` for a while, also while the broker's memory is full. Return whether the caller has it now."""
    return bool(client.eval(scripts.CLAIM, 1, key, str(milliseconds), name))


def release(client: redis.Redis, key: str, name: str) -> None:
    """Give up what was claimed under this name, unless somebody else has it by now."""
    client.eval(scripts.RELEASE, 1, key, name)


def place_of(client: redis.Redis) -> str:
    """Return the id of the Redis process and the number of its database; empty if this user may not ask INFO."""
    try:
        info: Any = client.info("server")
    except redis.exceptions.NoPermissionError:
        return ""
    return f"{info['run_id']}/{client.connection_pool.connection_kwargs.get('db', 0)}"


def lift(client: redis.Redis, checkpoints: list[Checkpoint]) -> None:
    """Make streams give ids behind the last entry that was recorded of them."""
    with client.pipeline(transaction=False) as pipeline:
        for checkpoint in filter(_is_by_the_clock, checkpoints):
            pipeline.eval(scripts.LIFT, 1, checkpoint.stream, checkpoint.entry_id)
        pipeline.execute()


def lost_entries(client: redis.Redis, checkpoints: list[Checkpoint]) -> list[tuple[Checkpoint, str]]:
    """Return the streams that end before an entry recorded of them, and their last entry: Redis has gone back."""
    known = [*filter(_is_by_the_clock, checkpoints)]
    with client.pipeline(transaction=False) as pipeline:
        for checkpoint in known:
            pipeline.xinfo_stream(checkpoint.stream)
        replies = pipeline.execute(raise_on_error=False)
    ends = [text(reply["last-generated-id"]) if isinstance(reply, dict) else "0-0" for reply in replies]
    return [(one, end) for one, end in zip(known, ends, strict=True) if _entry(end) < _entry(one.entry_id)]


def _is_by_the_clock(checkpoint: Checkpoint) -> bool:
    """Whether Redis gave the id. One that a producer chose may be of the future (see `workers.tending`)."""
    return _entry(checkpoint.entry_id)[0] <= milliseconds(checkpoint.recorded_at) + AHEAD_MS


def _entry(entry_id: str) -> tuple[int, int]:
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number or 0)
