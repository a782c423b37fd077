"""Paused shards: their events wait in Redis until somebody resumes the shard."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import redis

from flowledger.domain import streams
from flowledger.domain.times import now, written_time
from flowledger.workers import scripts
from flowledger.workers.connections import text


@dataclass(frozen=True, slots=True)
class Pause:
    """Why a shard is paused, by whom, and since when (RFC 3339)."""

    why: str
    by: str
    at: str

    @classmethod
    def of(cls, why: str, by: str) -> Pause:
        return cls(why, by, written_time(now()))

    def to_json(self) -> str:
        return json.dumps(asdict(self))


class Pauses:
    """Pauses and resumes shards: by number, or all of them (`streams.ALL`, with those added later)."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def pause(self, shards: Iterable[int], pause: Pause) -> None:
        """Pause `shards`, or all if none is given. Batches under way are recorded to their end."""
        names = [str(shard) for shard in shards] or [streams.ALL]
        self._client.eval(scripts.PAUSE, 1, streams.PAUSED, pause.to_json(), *names)

    def resume(self, shards: Iterable[int], of: int) -> list[str]:
        """End the pauses of `shards`, or all pauses if none is given. Return which ended.

        If all `of` shards are paused as a whole, the other shards stay paused, each by itself. Fuses begin anew.
        """
        paused = self.all()
        chosen = {str(shard) for shard in shards}
        whole = paused.get(streams.ALL)
        if not chosen:
            ended = set(paused)
        elif whole is None:
            ended = chosen & paused.keys()
        else:
            self.pause((shard for shard in range(of) if str(shard) not in chosen | paused.keys()), whole)
            ended = chosen | {streams.ALL}
        with self._client.pipeline(transaction=True) as pipeline:
            for name in ended:
                pipeline.hdel(streams.PAUSED, name)
                if name.isdecimal():
                    pipeline.delete(streams.fuse(int(name)))
            pipeline.execute()
        self._client.xadd(streams.IDLE, {"shard": streams.ALL}, maxlen=64, approximate=True)
        return sorted(ended)

    def all(self) -> dict[str, Pause]:
        """Return each pause by its shard's number as text, or by `streams.ALL`."""
        found: dict[Any, Any] = self._client.hgetall(streams.PAUSED)
        return {text(name): _read(text(pause)) for name, pause in found.items()}


def _read(pause: str) -> Pause:
    """Read a pause; a text that somebody set by hand is one, too."""
    try:
        return Pause(**json.loads(pause))
    except (ValueError, TypeError):
        return Pause(pause, "unknown", "")
