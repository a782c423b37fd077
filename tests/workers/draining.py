"""Drains in the test's own process, and entries for them."""

from __future__ import annotations

from typing import Any, Final

import redis

from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.drain import Drain
from flowledger.workers.turn import DrainResult
from tests.builders import raw

SHARD: Final = 3
STREAM: Final = streams.stream(SHARD)


def drain(settings: Settings, client: redis.Redis, storage: Storage, *, linger: float = 0.0) -> DrainResult:
    return Drain(settings.model_copy(update={"linger_seconds": linger}), client, storage, SHARD).run()


def add(client: redis.Redis, *events: bytes, shard: int = SHARD) -> list[Any]:
    return [client.xadd(streams.stream(shard), {streams.FIELD: event}) for event in events]


def created(count: int, name: str = "t") -> list[bytes]:
    return [raw("task.created", subject=f"{name}{place}") for place in range(count)]
