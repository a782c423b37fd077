"""The Celery task of retention; `workers` calls it by its name."""

from __future__ import annotations

import time
from typing import Final, TypedDict

import redis

from flowledger.domain import streams
from flowledger.domain.errors import DatabaseUnavailable
from flowledger.domain.settings import Settings
from flowledger.services.retention.rounds import Maintenance
from flowledger.storage.retention.maintainer import only_one
from flowledger.workers.app import app, process
from flowledger.workers.bootstep import is_stopping
from flowledger.workers.regular_bells import MAINTENANCE

_LEAST_SECONDS: Final = 0.25
"""How long a turn lasts even if drains wait for a process: retention must not fall behind for ever."""


class MaintainResult(TypedDict, total=False):
    """What a turn did, as Flower shows it: how many rows went in the round so far."""

    went: int
    seconds: float
    waiting: str


@app.task(name="ledger.maintain")  # type: ignore[untyped-decorator]
def maintain() -> MaintainResult:
    """Let go what is too old, for one turn."""
    settings, client, storage, *_ = process()
    began = time.monotonic()

    def is_over() -> bool:
        seconds = time.monotonic() - began
        if is_stopping() or seconds >= settings.drain_seconds:
            return True
        return seconds >= _LEAST_SECONDS and nobody_drains(client, settings)

    MAINTENANCE.answer(client)
    try:
        with only_one(storage) as is_mine:
            if is_mine is None:
                return {"went": 0}  # another maintainer has the turn
            done = Maintenance(storage, settings.keeping, is_over=is_over, relies_on_others=True).turn()
    except DatabaseUnavailable as error:
        return {"waiting": f"the database: {error}"}
    if done.ended_at is None:
        MAINTENANCE.ring_again(client)
    return {"went": sum(done.went.values()), "seconds": round(time.monotonic() - began, 3)}


def nobody_drains(client: redis.Redis, settings: Settings) -> bool:
    """Return whether entries wait and no drain is at work: this process may be the only one for it."""
    with client.pipeline(transaction=False) as pipeline:
        for shard in range(settings.shards):
            pipeline.xlen(streams.stream(shard))
        pipeline.exists(*(streams.lease(shard) for shard in range(settings.shards)))
        *lengths, leases = pipeline.execute(raise_on_error=False)
    return leases == 0 and any(isinstance(length, int) and length for length in lengths)
