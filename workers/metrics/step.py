"""The metrics of a worker: its own, and those of the ledger, if LEDGER_METRICS_ADDRESS says where."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from celery import bootsteps
from celery.worker import state
from prometheus_client import Metric, ProcessCollector
from prometheus_client.registry import Collector

from flowledger.domain.listening import ListeningAddress
from flowledger.domain.settings import Settings
from flowledger.workers.metrics import families
from flowledger.workers.metrics.endpoint import MetricsThread
from flowledger.workers.metrics.exposition import Exposition, registry_of

_PATIENCE_SECONDS: Final = 2.0


class PoolMetrics(Collector):
    """What the worker's main process knows of its pool."""

    def __init__(self, worker: Any) -> None:
        self._worker = worker

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        pool = self._worker.pool
        yield families.PROCESSES.at(0 if pool is None else pool.num_processes)
        yield families.BUSY.at(len(state.active_requests))


class MetricsStep(bootsteps.StartStopStep):  # type: ignore[misc]
    """Serves the metrics from the worker's main process, as long as its pool runs."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._thread: MetricsThread | None = None

    def include_if(self, _worker: Any) -> bool:
        return Settings.load().metrics_address is not None

    def start(self, worker: Any) -> None:
        settings = Settings.load()
        assert settings.metrics_address is not None
        exposition = Exposition(settings, _PATIENCE_SECONDS)
        registry = registry_of(exposition, PoolMetrics(worker))
        ProcessCollector(registry=registry)
        self._thread = MetricsThread(registry, exposition, ListeningAddress.parse(settings.metrics_address))
        self._thread.start()

    def stop(self, _worker: Any) -> None:
        if self._thread is not None:
            self._thread.stop()
            self._thread = None

    terminate = stop
