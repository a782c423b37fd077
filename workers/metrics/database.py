"""Metrics that the database tells: what is recorded, buried, delivered and late."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from prometheus_client import Metric
from sqlalchemy import Connection, func, select, text

from flowledger.domain.errors import Reason
from flowledger.domain.kinds.messages import DeliveryStatus
from flowledger.domain.settings import Settings
from flowledger.domain.statuses import DeadLetterStatus
from flowledger.domain.times import now
from flowledger.storage import tables
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.ledger.dead_letters import DeadLetterRepository
from flowledger.storage.ledger.identity import LedgerRepository
from flowledger.storage.ledger.outbox import OutboxRepository
from flowledger.storage.ledger.totals import DrainTotals, EventTotals, StillCounting
from flowledger.storage.retention import rounds
from flowledger.storage.unit_of_work import Storage
from flowledger.workers import checks
from flowledger.workers.checks import Finding
from flowledger.workers.metrics import families
from flowledger.workers.metrics.growth import of_growth
from flowledger.workers.metrics.seldom import Seldom
from flowledger.workers.status.growth import Growth, growth
from flowledger.workers.status.schedules import schedules
from flowledger.workers.status.sessions import sessions

_FEW: Final = {"pool_size": 1, "pool_max_overflow": 3, "pool_timeout_seconds": 5}
_NO_LONG_LOCKS: Final = text("SET LOCAL lock_timeout TO '2s'")
_OUTCOMES: Final = ("recorded", "repeated", "dead")


class DatabaseMetrics:
    """Asks the database. What was counted once is kept; a look at it takes only what is new (`storage.ledger.totals`).

    `patience_seconds` is how long a scrape waits for the first count of the journal; below 0: until it is done.
    """

    def __init__(self, settings: Settings, patience_seconds: float) -> None:
        self._settings = settings
        self._storage = Storage(make_engine(settings.model_copy(update=_FEW)))
        self._patience = patience_seconds
        self._events = EventTotals(self._storage)
        self._drains = DrainTotals(self._storage)
        self._dead: Seldom[dict[tuple[str, str], int]] = Seldom()
        self._deliveries: Seldom[dict[str, int]] = Seldom()
        self._growth: Seldom[Growth] = Seldom()

    def count(self) -> None:
        """Do the first count, however long it takes. Raises DatabaseUnavailable."""
        self._drains.look()
        self._events.look()

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; the totals last. Raises DatabaseUnavailable."""
        with self._storage.reading() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(_NO_LONG_LOCKS)
            yield from self._of_letters(connection)
            yield from self._of_messages(connection)
            yield from _of_schedules(connection)
            yield from _of_the_ledger(connection)
            yield from self._of_growth(connection)
        with suppress(StillCounting):
            yield from self._of_drains()
            yield families.EVENTS.of(self._events.look(self._patience))

    def findings(self) -> list[Finding]:
        """Return what is wrong with the database. Raises DatabaseUnavailable."""
        return checks.of_database(self._settings)

    def close(self) -> None:
        self._storage.close()

    def _of_letters(self, connection: Connection) -> Iterator[Metric]:
        counts = self._dead.get(DeadLetterRepository(connection).counts)
        every, still_open = families.zeros(Reason), families.zeros(Reason)
        for (reason, status), count in counts.items():
            every[reason] = every.get(reason, 0) + count
            if status == DeadLetterStatus.OPEN:
                still_open[reason] = count
        yield families.DEAD.of(every)
        yield families.DEAD_OPEN.of(still_open)

    def _of_messages(self, connection: Connection) -> Iterator[Metric]:
        counts = self._deliveries.get(lambda: _deliveries(connection))
        yield families.DELIVERIES.of({**families.zeros(DeliveryStatus), **counts})
        outbox = OutboxRepository(connection)
        since = outbox.since()
        yield families.OUTBOX.at(outbox.count())
        yield families.OUTBOX_AGE.at(0 if since is None else max(0.0, (now() - since).total_seconds()))

    def _of_growth(self, connection: Connection) -> Iterator[Metric]:
        found = self._growth.get(lambda: growth(connection, self._settings))
        yield from of_growth(found, rounds.last_ones(connection))

    def _of_drains(self) -> Iterator[Metric]:
        sums = self._drains.look(self._patience)
        yield families.ENTRIES.of({**families.zeros(_OUTCOMES), **sums.entries})
        yield families.BATCH.of(sums.measures.batch_entries)
        yield families.COMMIT.of(sums.measures.commit_seconds)
        yield families.LATENCY.of(sums.measures.latency_seconds)


def _deliveries(connection: Connection) -> dict[str, int]:
    status = tables.message_deliveries.c.status
    return {row[0]: row[1] for row in connection.execute(select(status, func.count()).group_by(status))}


def _of_schedules(connection: Connection) -> Iterator[Metric]:
    planned = schedules(connection)
    yield families.SCHEDULES.at(planned.enabled)
    yield families.SCHEDULES_LATE.at(planned.late)
    yield families.SCHEDULES_FAILING.at(planned.failing)


def _of_the_ledger(connection: Connection) -> Iterator[Metric]:
    alarm_at = LedgerRepository(connection).get().alarm_at
    yield families.LOSS.at(0 if alarm_at is None else alarm_at.timestamp())
    facts: dict[str, Any] = sessions(connection)
    if "connections" in facts:
        yield families.CONNECTIONS.at(facts["connections"])
        yield families.CONNECTIONS_LIMIT.at(facts["server_limit"])
