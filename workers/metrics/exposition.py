"""The exposition: the metrics of the service, as any process of it can tell them (docs/contract/service-metrics.md).

Nothing is counted here: each scrape reads the tables and Redis. So a killed process loses no count, all processes tell
the same, and processes of a pool hold no metrics.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import version
from typing import Final

import redis
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.registry import Collector

from flowledger.domain.errors import LedgerError
from flowledger.domain.settings import Settings
from flowledger.workers.checks import Finding, Severity
from flowledger.workers.metrics import families
from flowledger.workers.metrics.broker import BrokerMetrics
from flowledger.workers.metrics.database import DatabaseMetrics
from flowledger.workers.metrics.seldom import Seldom

_CHECK_SECONDS: Final = 60.0
AWAY: Final = (redis.RedisError, LedgerError, OSError)
"""What is raised if a server does not answer."""


class Exposition(Collector):
    """Collects the metrics of Redis, of the database, and of what is wrong with both.

    If a server does not answer, its metrics are missing, `ledger_up` is 0 for it, and the others are there. While the
    journal is counted for the first time, scrapes that do not wait for it (`patience_seconds`) lack the event counts.
    """

    def __init__(self, settings: Settings, patience_seconds: float = -1) -> None:
        self._broker = BrokerMetrics(settings)
        self._database = DatabaseMetrics(settings, patience_seconds)
        self._servers: dict[str, BrokerMetrics | DatabaseMetrics] = {"redis": self._broker, "database": self._database}
        self._checks = {server: Seldom[list[Finding]](_CHECK_SECONDS) for server in self._servers}

    def count(self) -> None:
        """Count the journal for the first time, so that scrapes need not; nothing if the database is unavailable."""
        with suppress(*AWAY):
            self._database.count()

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of this moment; never raises if a server is unavailable."""
        yield families.BUILD.of({version("flowledger"): 1})
        up = dict.fromkeys(self._servers, 1)
        for server, metrics in self._servers.items():
            try:
                yield from metrics.collect()
            except AWAY:
                up[server] = 0
        yield families.UP.of(up)
        yield from self._findings([server for server in up if up[server]])

    def describe(self) -> Iterator[Metric]:
        """Yield nothing: then a registry does not collect when the collector is registered."""
        return iter(())

    def close(self) -> None:
        self._broker.close()
        self._database.close()

    def _findings(self, servers: list[str]) -> Iterator[Metric]:
        """Yield what is wrong with these servers."""
        counts: dict[tuple[str, str], int] = {}
        each: dict[tuple[str, str, str], int] = {}
        for server in servers:
            with suppress(*AWAY):
                found = self._checks[server].get(self._servers[server].findings)
                counts |= {(server, severity): 0 for severity in Severity}
                for one in found:
                    counts[server, one.severity] += 1
                    each[server, one.setting, one.severity] = 1
        yield families.FINDINGS.of(counts)
        yield families.FINDING.of(each)


def registry_of(*collectors: Collector) -> CollectorRegistry:
    """Return a registry of these alone."""
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    return registry
