"""What stands in the streams."""

from __future__ import annotations

import json
from typing import Any

import redis

from flowledger.domain.streams import stream

SHARDS = 8


def entries(client: redis.Redis, shards: int = SHARDS) -> list[tuple[str, str, dict[bytes, bytes]]]:
    """All entries: stream, entry id and fields, stream by stream, in order."""
    found = []
    for shard in range(shards):
        entries_of_shard: Any = client.xrange(stream(shard))
        found += [(stream(shard), entry_id.decode(), fields) for entry_id, fields in entries_of_shard]
    return found


def bodies(client: redis.Redis, shards: int = SHARDS) -> list[bytes]:
    """The events as they stand there."""
    return [fields[b"event"] for _, _, fields in entries(client, shards)]


def events(client: redis.Redis, shards: int = SHARDS) -> list[Any]:
    return [json.loads(body) for body in bodies(client, shards)]
