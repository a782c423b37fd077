"""How many messages are in inboxes, and have not been acknowledged there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import redis

from flowledger.domain import streams

_MOST_ROUNDS: Final = 20
_KEYS_A_ROUND: Final = 1_000


@dataclass(frozen=True, slots=True)
class Inboxes:
    """Messages in Redis, and in how many inboxes; `is_all` is False if there are too many keys to look at each."""

    messages: int
    inboxes: int
    is_all: bool


def inboxes(client: redis.Redis) -> Inboxes | None:
    """Return what is in inboxes, by at most 20 SCANs; None if this user of Redis may not SCAN."""
    found: set[bytes] = set()
    cursor = 0
    try:
        for _ in range(_MOST_ROUNDS):
            reply: Any = client.scan(cursor, f"{streams.inbox('*')}", _KEYS_A_ROUND, _type="stream")
            cursor, keys = reply
            found.update(keys)
            if cursor == 0:
                break
        with client.pipeline(transaction=False) as pipeline:
            for key in found:
                pipeline.xlen(key)
            lengths: list[int] = pipeline.execute()
    except redis.exceptions.NoPermissionError:
        return None
    return Inboxes(sum(lengths), sum(map(bool, lengths)), cursor == 0)
