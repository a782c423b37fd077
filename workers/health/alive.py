"""Which workers live, as they say themselves in Redis (`workers.health.life`): whoever may read there can tell.

To ask workers by Celery's remote control takes the right to stop them, too, and a second; a sign in Redis takes
neither.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

import redis

from flowledger.domain import streams
from flowledger.workers.connections import text

ALIVE_SECONDS: Final = 10.0
"""A worker without a sign for this long is not counted; it gives one every two seconds."""


@dataclass(frozen=True, slots=True)
class Alive:
    """A worker that gave a sign of life lately: its name, host, process id, pool, and the age of the sign in s."""

    name: str
    host: str
    pid: int
    processes: int
    pool: str
    seconds: float


def alive(client: redis.Redis) -> list[Alive]:
    """Return the workers whose last sign is younger than `ALIVE_SECONDS`, by name. Raises redis.RedisError."""
    with client.pipeline(transaction=False) as pipeline:
        pipeline.hgetall(streams.WORKERS)
        pipeline.time()
        signs, (seconds, micros) = pipeline.execute()
    now = seconds + micros / 1_000_000
    found = (_read(text(name), text(sign), now) for name, sign in signs.items())
    return sorted((one for one in found if one is not None and one.seconds < ALIVE_SECONDS), key=lambda one: one.name)


def _read(name: str, sign: str, now: float) -> Alive | None:
    """Return what a sign tells; None if it is none of ours, for another release may write others."""
    at, _, told = sign.partition(" ")
    try:
        return Alive(name, **json.loads(told), seconds=max(0.0, now - int(at) / 1000))
    except (ValueError, TypeError):
        return None
