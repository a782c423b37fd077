"""A lease on a shard: for order and speed; correctness never rests on it (DESIGN, point 3)."""

from __future__ import annotations

import time
import uuid
from typing import Self

import redis

from domain import streams

_RENEW = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
"""
_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


class Lease:
    """The right to drain a shard, until it is released or runs out."""

    def __init__(self, client: redis.Redis, shard: int, seconds: float) -> None:
        self._client = client
        self._key = streams.lease(shard)
        self._bell = streams.bell(shard)
        self._owner = uuid.uuid4().hex
        self._milliseconds = int(seconds * 1000)
        self._renew_at = 0.0

    def take(self) -> bool:
        """Takes the lease, and with it the bell that called; False where another drain has the lease."""
        self._plan_renewal()
        with self._client.pipeline(transaction=False) as pipeline:
            pipeline.delete(self._bell)
            pipeline.set(self._key, self._owner, nx=True, px=self._milliseconds)
            return bool(pipeline.execute()[-1])

    def renew(self) -> bool:
        """Keeps the lease, asking Redis when a third of its time is over; False where it ran out."""
        if time.monotonic() < self._renew_at:
            return True
        self._plan_renewal()
        return bool(self._client.eval(_RENEW, 1, self._key, self._owner, str(self._milliseconds)))

    def release(self) -> None:
        """Gives the lease back, if it is still ours."""
        self._client.eval(_RELEASE, 1, self._key, self._owner)

    def _plan_renewal(self) -> None:
        self._renew_at = time.monotonic() + self._milliseconds / 3000

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
