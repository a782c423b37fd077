"""Streams that look like shards and are none: what is published there nobody reads."""

from __future__ import annotations

from typing import Any, Final

import redis

from flowledger.domain import streams
from flowledger.workers.connections import text

_PREFIX: Final = "ledger:events"
_NEAR: Final = 256
"""So many numbers are asked for by name, for those who may not SCAN."""
_MOST_ROUNDS: Final = 100
_KEYS_A_ROUND: Final = 1_000


def strays(client: redis.Redis, shards: int) -> dict[str, int]:
    """Each such stream, and how many entries it has.

    All are found if this user of Redis may SCAN, and there are less than 100,000 keys; else those that are near.
    """
    named = {_PREFIX, *(streams.stream(shard) for shard in range(shards, max(shards + 1, _NEAR)))}
    found = sorted((named | _scanned(client)) - {streams.stream(shard) for shard in range(shards)})
    with client.pipeline(transaction=False) as pipeline:
        for key in found:
            pipeline.xlen(key)
        lengths = pipeline.execute(raise_on_error=False)
    return {key: length for key, length in zip(found, lengths, strict=True) if isinstance(length, int) and length}


def _scanned(client: redis.Redis) -> set[str]:
    found: set[str] = set()
    cursor = 0
    try:
        for _ in range(_MOST_ROUNDS):
            reply: Any = client.scan(cursor, f"{_PREFIX}*", _KEYS_A_ROUND, _type="stream")
            cursor, keys = reply
            found.update(map(text, keys))
            if cursor == 0:
                break
    except redis.exceptions.NoPermissionError:
        pass
    return found


def words(found: dict[str, int], shards: int) -> str:
    """What they are, and what to do."""
    named = ", ".join(f"{key} ({count:,})" for key, count in list(found.items())[:10])
    more = f" and {len(found) - 10:,} more" if len(found) > 10 else ""
    last = streams.stream(shards - 1)
    return (
        f"nobody reads {named}{more}: shards are {streams.stream(0)} to {last}. Set LEDGER_SHARDS alike for all,"
        " publish again what belongs there, and take such a stream away with DEL"
    )
