"""The exposition: the metrics of the service, as any process of it can tell them (docs/contract/service-metrics.md).

Nothing is counted here: each scrape reads the tables and Redis. So a killed process loses no count, all processes tell
the same, and processes of a pool hold no metrics.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from importlib.metadata import version
from typing import Final

import redis
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.registry import Collector

from flowledger.domain.errors import LedgerError
from flowledger.domain.settings import Settings
from flowledger.workers import checks
from flowledger.workers.checks import Finding, Severity
from flowledger.workers.connections import connect
from flowledger.workers.metrics import families
from flowledger.workers.metrics.broker import BrokerMetrics
from flowledger.workers.metrics.database import DatabaseMetrics
from flowledger.workers.metrics.seldom import Seldom

_CHECK_SECONDS: Final = 60.0
_REDIS: Final = "redis"
_DATABASE: Final = "database"
AWAY: Final = (redis.RedisError, LedgerError, OSError)
"""What is raised if a server does not answer."""


class Exposition(Collector):
    """Collects the metrics of Redis, of the database, and of what is wrong with both.

    If a server does not answer, its metrics are missing, `ledger_up` is 0 for it, and the others are there. While the
    journal is counted for the first time, scrapes that do not wait for it (`patience_seconds`) lack the event counts.
    """

    def __init__(self, settings: Settings, patience_seconds: float = -1) -> None:
        self._settings = settings
        self._broker = BrokerMetrics(settings)
        self._database = DatabaseMetrics(settings, patience_seconds)
        self._checks: dict[str, Seldom[list[Finding]]] = {
            _REDIS: Seldom(_CHECK_SECONDS),
            _DATABASE: Seldom(_CHECK_SECONDS),
        }
        self._may_ask_config = True

    def count(self) -> None:
        """Count the journal for the first time, so that scrapes need not; nothing if the database is unavailable."""
        with suppress(*AWAY):
            self._database.count()

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of this moment; never raises if a server is unavailable."""
        up = {_REDIS: 1, _DATABASE: 1}
        yield families.BUILD.of({version("flowledger"): 1})
        for server, metrics in ((_REDIS, self._broker.collect()), (_DATABASE, self._database.collect())):
            try:
                yield from metrics
            except AWAY:
                up[server] = 0
        yield families.UP.of(up)
        yield from self._findings()

    def describe(self) -> Iterator[Metric]:
        """Yield nothing: then a registry does not collect when the collector is registered."""
        return iter(())

    def close(self) -> None:
        self._broker.close()
        self._database.close()

    def _findings(self) -> Iterator[Metric]:
        """Yield what is wrong with the servers, as far as they answer."""
        counts: dict[tuple[str, str], int] = {}
        each: dict[tuple[str, str, str], int] = {}
        for server, check in ((_REDIS, self._check_redis), (_DATABASE, self._check_database)):
            with suppress(*AWAY):
                found = self._checks[server].get(check)
                counts |= {(server, severity): 0 for severity in Severity}
                for one in found:
                    counts[server, one.severity] += 1
                    each[server, one.setting, one.severity] = 1
        yield families.FINDINGS.of(counts)
        yield families.FINDING.of(each)

    def _check_redis(self) -> list[Finding]:
        with closing(connect(self._settings)) as client:
            found = checks.of_redis(client, with_config=self._may_ask_config)
        if any(one.severity is Severity.UNKNOWN for one in found):
            self._may_ask_config = False  # Redis logs each refusal: once is enough
        return found

    def _check_database(self) -> list[Finding]:
        return checks.of_database(self._settings)


def registry_of(*collectors: Collector) -> CollectorRegistry:
    """Return a registry of these alone."""
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    return registry
