"""The workers that live, as they say themselves: Flowledger's own, of every kind of pool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import redis

from flowledger.domain import streams
from flowledger.domain.broker_address import BrokerAddress
from flowledger.domain.errors import LedgerError
from flowledger.domain.settings import Settings
from flowledger.workers.app import app

_ANSWER_SECONDS: Final = 1.0
_OURS: Final = "flowledger"
"""What our workers say in their `stats` (`workers.bootstep`)."""
_THREADS: Final = {"thread": "threads", "gevent": "greenlets", "eventlet": "greenlets"}
"""Pools of Celery that have one process, and what they have many of."""


@dataclass(frozen=True, slots=True)
class Worker:
    """What a worker says of itself; `pool` in words."""

    processes: int
    pool: str
    signatures: str


def workers(client: redis.Redis, settings: Settings) -> dict[str, Worker] | None:
    """Flowledger's workers by their names; None if this user of Redis may not ask them.

    Who may ask them may also stop them, for both go by the same channel. Other Celery workers on the same Redis answer,
    too, and are left out. A worker with one process (`--pool solo`) answers between two drains, so if none of ours
    answers while somebody drains, one is waited for as long as a drain may take.
    """
    app.conf.update(BrokerAddress.of(settings).celery_options())
    try:
        found = app.control.inspect(timeout=_ANSWER_SECONDS).stats() or {}
        if not any(map(_is_ours, found.values())) and _is_draining(client, settings):
            patience = _ANSWER_SECONDS + settings.drain_seconds + settings.linger_seconds
            found = app.control.inspect(timeout=patience, limit=len(found) + 1).stats() or {}
    except redis.exceptions.NoPermissionError:
        return None
    except (redis.RedisError, OSError) as error:
        raise LedgerError(f"the broker does not answer: {error}") from error
    return {name: worker_of(stats) for name, stats in sorted(found.items()) if _is_ours(stats)}


def _is_ours(stats: dict[str, Any]) -> bool:
    return _OURS in stats


def _is_draining(client: redis.Redis, settings: Settings) -> bool:
    """Whether a drain is under way, or waits for entries."""
    return bool(client.exists(streams.WATCH, *map(streams.lease, range(settings.shards))))


def worker_of(stats: dict[str, Any]) -> Worker:
    """The worker of ours that says this of itself."""
    pool = stats.get("pool", {})
    kind = str(pool.get("implementation", "")).partition(":")[0].rpartition(".")[2]
    several = _THREADS.get(kind)
    processes = 1 if several is not None else len(pool.get("processes", ())) or 1
    words = kind if several is None else f"{pool.get('max-concurrency', '?')} {several}"
    return Worker(processes, words, stats[_OURS].get("signatures", "off"))
