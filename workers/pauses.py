"""Shards that are paused: their events wait in Redis until somebody resumes them."""

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
    """Pauses and resumes shards, by number or all of them (`streams.ALL`, which later ones belong to as well)."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def pause(self, shards: Iterable[int], pause: Pause) -> None:
        """Nothing more is taken of `shards` (none: of all); batches under way are recorded to their end."""
        names = [str(shard) for shard in shards] or [streams.ALL]
        self._client.eval(scripts.PAUSE, 1, streams.PAUSED, pause.to_json(), *names)

    def resume(self, shards: Iterable[int], of: int) -> list[str]:
        """Ends the pauses of `shards`; of none given all that there are, and the pause of all. Returns which ended.

        To resume one of `of` shards that are paused as a whole leaves the others paused by themselves. A fuse that had
        blown is new.
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
        """Each pause by its shard's number as text, or `streams.ALL`."""
        found: dict[Any, Any] = self._client.hgetall(streams.PAUSED)
        return {text(name): _read(text(pause)) for name, pause in found.items()}


def _read(pause: str) -> Pause:
    """What somebody set by hand is a pause, too."""
    try:
        return Pause(**json.loads(pause))
    except (ValueError, TypeError):
        return Pause(pause, "unknown", "")
