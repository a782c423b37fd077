"""Dead letters that a test makes, and how a command of `flowledger dead-letters` ended: its output is bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import redis

from flowledger.domain import streams
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.storage.recording import dead_letters, record

BAD = raw("task.progressed", id="bad", subject="t", progress=2)


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        return self.raw.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


Run = Callable[..., Ended]


def one(storage: Storage, body: bytes = BAD) -> str:
    """Makes a dead letter; its id."""
    assert record(storage, body).dead == 1
    return dead_letters(storage)[0].id


def sent(redis_url: str, key: str = "t") -> list[bytes]:
    """What stands in the stream of the events with this partition key."""
    found: Any = redis.Redis.from_url(redis_url).xrange(streams.stream(streams.shard_of(key, 8)))
    return [fields[b"event"] for _, fields in found]
