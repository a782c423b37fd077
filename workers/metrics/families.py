"""The metrics that an exposition has: name, kind, labels and meaning of each (docs/contract/service-metrics.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from flowledger.domain.measures import Histogram

Values = Mapping[Any, float]
"""Numbers by the values of a metric's labels, in their order; of a metric with one label, by its value."""


class Counter(NamedTuple):
    """A number that only grows. Its name in the exposition ends in `_total`."""

    name: str
    help: str
    labels: tuple[str, ...] = ()

    def of(self, values: Values) -> Metric:
        """Return the metric with a value for each combination of labels."""
        return _filled(CounterMetricFamily(self.name, self.help, labels=self.labels), values)


class Gauge(NamedTuple):
    """A number that grows and falls."""

    name: str
    help: str
    labels: tuple[str, ...] = ()

    def of(self, values: Values) -> Metric:
        """Return the metric with a value for each combination of labels."""
        return _filled(GaugeMetricFamily(self.name, self.help, labels=self.labels), values)

    def at(self, value: float) -> Metric:
        """Return the metric without labels."""
        return GaugeMetricFamily(self.name, self.help, value=value)


class Buckets(NamedTuple):
    """A histogram."""

    name: str
    help: str

    def of(self, histogram: Histogram) -> Metric:
        return HistogramMetricFamily(self.name, self.help, buckets=_cumulative(histogram), sum_value=histogram.sum)


def _filled(family: CounterMetricFamily | GaugeMetricFamily, values: Values) -> Metric:
    for labels, value in sorted(values.items()):
        family.add_metric([labels] if isinstance(labels, str) else labels, value)
    return family


def _cumulative(histogram: Histogram) -> list[tuple[str, float]]:
    """Return how many values are not above each bound, as Prometheus counts."""
    total, found = 0, []
    for bound, count in zip((*map(str, histogram.bounds), "+Inf"), histogram.counts, strict=True):
        total += count
        found.append((bound, float(total)))
    return found


def zeros(names: Iterable[str]) -> dict[str, float]:
    """Return 0 for each name, so that an increase is known from the first one on."""
    return dict.fromkeys(names, 0)


UP: Final = Gauge("ledger_up", "Whether the server answered this scrape: 1 or 0.", ("server",))
BUILD: Final = Gauge("ledger_build_info", "1, with the version of Flowledger that answers.", ("version",))
FINDINGS: Final = Gauge(
    "ledger_server_findings", "Settings of the server that are not as they should be, by severity.",
    ("server", "severity"),
)  # fmt: skip
FINDING: Final = Gauge(
    "ledger_server_finding_info", "1 for each setting of a server that is not as it should be.",
    ("server", "setting", "severity"),
)  # fmt: skip

EVENTS: Final = Counter("ledger_events", "Events recorded in the journal, by type.", ("type",))
ENTRIES: Final = Counter(
    "ledger_entries", "Entries that drains dealt with: recorded, repeated (known already) or dead.", ("outcome",)
)
BATCH: Final = Buckets("ledger_batch_entries", "Entries of a batch that was recorded.")
COMMIT: Final = Buckets("ledger_commit_duration_seconds", "What a batch waited for the database.")
LATENCY: Final = Buckets("ledger_event_latency_seconds", "From the arrival of an entry in Redis to its commit.")
DEAD: Final = Counter("ledger_dead_letters", "Dead letters there ever were, of any status, by reason.", ("reason",))
DEAD_OPEN: Final = Gauge("ledger_dead_letters_open", "Dead letters that are open, by reason.", ("reason",))
DELIVERIES: Final = Gauge("ledger_deliveries", "Deliveries of messages, by status.", ("status",))
OUTBOX: Final = Gauge("ledger_outbox_messages", "Recorded messages that are in no inbox yet, one for each recipient.")
OUTBOX_AGE: Final = Gauge("ledger_outbox_oldest_age_seconds", "How long the first of them has waited; 0 without any.")
SCHEDULES: Final = Gauge("ledger_schedules_enabled", "Schedules that are enabled.")
SCHEDULES_LATE: Final = Gauge("ledger_schedules_late", "Schedules that have been due for more than ten seconds.")
SCHEDULES_FAILING: Final = Gauge("ledger_schedules_failing", "Schedules that cannot be computed or published.")
LOSS: Final = Gauge(
    "ledger_loss_detected_timestamp_seconds",
    "When Redis or the database was last found to have lost something; 0: never.",
)  # fmt: skip
CONNECTIONS: Final = Gauge("ledger_database_connections", "Connections of Flowledger to PostgreSQL.")
CONNECTIONS_LIMIT: Final = Gauge("ledger_database_connections_limit", "Connections that PostgreSQL accepts in all.")

SIZE: Final = Gauge("ledger_size_bytes", "Size of a part of the ledger, with indexes.", ("part",))
ROWS: Final = Gauge("ledger_rows_estimate", "About how many rows a part has.", ("part",))
GROWTH: Final = Gauge(
    "ledger_growth_bytes_per_day", "Bytes a day by which a part has grown: in the last day, or a day of a week.",
    ("part", "over"),
)  # fmt: skip
AHEAD: Final = Gauge(
    "ledger_partitions_ahead_seconds", "For how long from now there are partitions without a gap.", ("part",)
)
OLDEST_KEPT: Final = Gauge(
    "ledger_oldest_timestamp_seconds", "Begin of the oldest week of a part, or time of its oldest row.", ("part",)
)
LATE: Final = Gauge("ledger_retention_late_seconds", "How long ago the oldest of a part should have gone.", ("part",))
ROUND: Final = Gauge(
    "ledger_retention_round_timestamp_seconds",
    "When the last round of retention ended; of one that goes on, when something was last done for it; 0: never.",
)  # fmt: skip
WAITS: Final = Gauge("ledger_retention_waits", "Kinds of rows that are too old and could not go in the last round.")
HOLDS: Final = Gauge("ledger_holds", "Holds of workspaces, executions and subjects.")

BACKLOG: Final = Gauge("ledger_backlog_entries", "Entries that wait to be recorded.", ("shard",))
OLDEST: Final = Gauge(
    "ledger_oldest_entry_age_seconds", "How long the first entry has waited; 0 without a backlog.", ("shard",)
)
PAUSED: Final = Gauge("ledger_shard_paused", "Whether the shard is paused, by a fuse or by hand: 1 or 0.", ("shard",))
FUSE: Final = Gauge("ledger_shard_fuse_blown", "Whether a fuse has paused the shard: 1 or 0.", ("shard",))
HELD: Final = Gauge("ledger_held", "Whether all drains wait because the database is unavailable: 1 or 0.")
ASIDE: Final = Gauge("ledger_sources_set_aside", "Sources whose entries wait until they are resumed.")
ASIDE_ENTRIES: Final = Gauge("ledger_set_aside_entries", "Entries of the sources that are set aside.")
ASIDE_BYTES: Final = Gauge("ledger_set_aside_bytes", "Bytes of these entries.")

PROCESSES: Final = Gauge("ledger_worker_processes", "Processes of this worker's pool.")
BUSY: Final = Gauge("ledger_worker_processes_busy", "Processes of this worker's pool that run a Celery task.")
