"""How many events wait to be recorded, and how long the oldest has waited."""

from __future__ import annotations

from typing import Any

import redis

from flowledger.domain import streams
from flowledger.workers.connections import text


def backlog(client: redis.Redis, shards: int) -> dict[int, int]:
    """Return how many entries wait in each shard: recorded ones are deleted."""
    with client.pipeline(transaction=False) as pipeline:
        for shard in range(shards):
            pipeline.xlen(streams.stream(shard))
        return dict(enumerate(pipeline.execute()))


def oldest_seconds(client: redis.Redis, waiting: dict[int, int], now: float) -> dict[int, float]:
    """Return how many seconds the first entry of each shard has waited; its id begins with the time it came."""
    found = {}
    for shard in (shard for shard, count in waiting.items() if count):
        first: Any = client.xrange(streams.stream(shard), count=1)
        if first:
            found[shard] = max(0.0, round(now - int(text(first[0][0]).partition("-")[0]) / 1000, 1))
    return found
