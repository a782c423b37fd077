"""Sources that are set aside: which, why, how many entries wait; and how a source is resumed.

The entries of a source go back into their shards in order, in bounded steps, each with a mark that lets it pass. Newer
entries of that source are set aside behind them until all are back (docs/decisions/0025). A step that is killed has
moved some entries or none; resuming the source again goes on there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import redis

from flowledger.domain import streams
from flowledger.workers import scripts
from flowledger.workers.connections import text
from flowledger.workers.sources import Aside, key_of

_AT_ONCE: Final = 500
_BYTES_AT_ONCE: Final = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Waiting:
    """A source that is set aside, and how much of it waits."""

    source: str
    entries: int
    bytes: int
    since: str
    by: str
    why: str


class Asides:
    """Lists, sets aside and resumes sources."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def all(self) -> list[Waiting]:
        """Return the sources that are set aside, by name."""
        found: dict[Any, Any] = self._client.hgetall(streams.ASIDE)
        asides = {text(key): Aside.read(one) for key, one in found.items()}
        with self._client.pipeline(transaction=False) as pipeline:
            for key in asides:
                pipeline.xlen(streams.aside(key))
                pipeline.hget(streams.ASIDE_SIZES, f"bytes:{key}")
            counts: Iterator[Any] = iter(pipeline.execute())
        waiting = [
            Waiting(one.source, next(counts), max(0, int(next(counts) or 0)), one.at, one.by, one.why)
            for one in asides.values()
        ]
        return sorted(waiting, key=lambda one: one.source)

    def set_aside(self, source: str, why: str, by: str) -> bool:
        """Set a source aside by hand. Return False if it already is."""
        return self._change(key_of(source), b"", Aside.of(source, why, by))

    def resume(self, source: str, shards: int) -> int | None:
        """Put a source's entries back into their shards. Return how many, or None if the source was not set aside.

        Its fuse begins anew. If it blows meanwhile, the remaining entries stay set aside.
        """
        key, went = key_of(source), 0
        while (known := self._one(key)) is not None:
            marked = Aside.read(known).resumed()
            if marked.to_json().encode() == known or self._change(key, known, marked):
                break
        else:
            return None
        while True:
            step, left = self._step(key, marked, shards)
            went += step
            if left <= 0:
                return went

    def _step(self, key: str, marked: Aside, shards: int) -> tuple[int, int]:
        keys = (streams.ASIDE, streams.ASIDE_SIZES, streams.aside(key))
        step, left = self._client.eval(
            scripts.RESUME, len(keys), *keys, key, marked.to_json(), str(_AT_ONCE), str(_BYTES_AT_ONCE), str(shards),
            streams.RETURNED, marked.returning,
        )  # fmt: skip
        return step, left

    def _one(self, key: str) -> bytes | None:
        found: bytes | None = self._client.hget(streams.ASIDE, key)  # type: ignore[assignment]
        return found

    def _change(self, key: str, known: bytes, aside: Aside) -> bool:
        keys = (streams.ASIDE, streams.SOURCES)
        return bool(self._client.eval(scripts.CHANGE, len(keys), *keys, key, known, aside.to_json()))
