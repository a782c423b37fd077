"""The workers that reply now: Flowledger's own, of every kind of pool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import redis

from flowledger.domain import streams
from flowledger.domain.broker_address import BrokerAddress
from flowledger.domain.errors import LedgerError
from flowledger.domain.settings import Settings
from flowledger.workers.status.remote_control import asked

_REPLY_SECONDS: Final = 1.0
_OURS: Final = "flowledger"
"""The key that only our workers have in their `stats` (`workers.bootstep`)."""
_THREADS: Final = {"thread": "threads", "gevent": "greenlets", "eventlet": "greenlets"}
"""Pools of Celery that have one process, and what they have many of."""


@dataclass(frozen=True, slots=True)
class Worker:
    """What a worker reports of itself; `pool` in words."""

    processes: int
    pool: str
    signatures: str


def workers(client: redis.Redis, settings: Settings) -> dict[str, Worker] | None:
    """Return Flowledger's workers by their names; None if this user of Redis may not ask them.

    Who may ask them may also stop them, for both go by the same channel. Other Celery workers on the same Redis reply,
    too, and are left out. A worker with one process (`--pool solo`) replies between two drains, so if none of ours
    has replied while a drain is under way, wait for one for as long as a drain may take.
    """
    found: dict[str, dict[str, Any]] = {}
    patience = settings.drain_seconds + settings.linger_seconds
    database = BrokerAddress.of(settings).database
    try:
        with asked(client, database, "stats", seconds=_REPLY_SECONDS + patience) as replies:
            found.update(replies.within(_REPLY_SECONDS))
            if not any(map(_is_ours, found.values())) and _is_draining(client, settings):
                for name, stats in replies.within(patience):
                    found[name] = stats
                    if _is_ours(stats):
                        break
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
    """Return the worker of ours that has these `stats`."""
    pool = stats.get("pool", {})
    kind = str(pool.get("implementation", "")).partition(":")[0].rpartition(".")[2]
    several = _THREADS.get(kind)
    processes = 1 if several is not None else len(pool.get("processes", ())) or 1
    words = kind if several is None else f"{pool.get('max-concurrency', '?')} {several}"
    return Worker(processes, words, stats[_OURS].get("signatures", "off"))
