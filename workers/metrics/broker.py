"""Metrics that Redis tells: what waits to be recorded, and why."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from prometheus_client import Metric
from redis.backoff import NoBackoff
from redis.retry import Retry

from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.workers import checks
from flowledger.workers.asides import Asides
from flowledger.workers.checks import Finding, Severity
from flowledger.workers.connections import connect
from flowledger.workers.fuse import BY_FUSE
from flowledger.workers.metrics import families
from flowledger.workers.pauses import Pauses
from flowledger.workers.status.backlog import backlog, oldest_seconds

_REPLY_SECONDS: Final = 5.0
_LARGE: Final = 2**20


class BrokerMetrics:
    """Asks Redis."""

    def __init__(self, settings: Settings) -> None:
        self._client = connect(settings, socket_timeout=_REPLY_SECONDS, most_bytes=_LARGE)
        self._client.set_retry(Retry(NoBackoff(), 1))  # who scrapes waits ten seconds in all
        self._shards = settings.shards
        self._may_ask_config = True

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics. Raises redis.RedisError."""
        yield from self._of_backlog()
        yield from self._of_pauses()
        asides = Asides(self._client).all()
        yield families.ASIDE.at(len(asides))
        yield families.ASIDE_ENTRIES.at(sum(one.entries for one in asides))
        yield families.ASIDE_BYTES.at(sum(one.bytes for one in asides))

    def findings(self) -> list[Finding]:
        """Return what is wrong with Redis. Raises redis.RedisError."""
        found = checks.of_redis(self._client, with_config=self._may_ask_config)
        if any(one.severity is Severity.UNKNOWN for one in found):
            self._may_ask_config = False  # Redis logs each refusal: once is enough
        return found

    def close(self) -> None:
        self._client.close()

    def _of_backlog(self) -> Iterator[Metric]:
        waiting = backlog(self._client, self._shards)
        oldest = oldest_seconds(self._client, waiting, time.time())
        yield families.BACKLOG.of({str(shard): count for shard, count in waiting.items()})
        yield families.OLDEST.of({str(shard): oldest.get(shard, 0.0) for shard in waiting})

    def _of_pauses(self) -> Iterator[Metric]:
        pauses = Pauses(self._client).all()
        of_shards = {str(shard): pauses.get(str(shard)) for shard in range(self._shards)}
        paused = {shard: streams.ALL in pauses or pause is not None for shard, pause in of_shards.items()}
        blown = {shard: pause is not None and pause.by == BY_FUSE for shard, pause in of_shards.items()}
        yield families.PAUSED.of(paused)
        yield families.FUSE.of(blown)
        yield families.HELD.at(self._client.exists(streams.HOLD))
