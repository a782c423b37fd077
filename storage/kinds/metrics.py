"""Metrics: a row for each point, and sums by hour and by day; tables, writes, look-ups (CONTRACT-RECORDS §2)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Double, Index, PrimaryKeyConstraint, Row, Table, Text

from flowledger.domain import events as say
from flowledger.domain.envelope import Event
from flowledger.domain.kinds.metrics import METRIC_KINDS, Metric, MetricSum
from flowledger.storage.filters import between
from flowledger.storage.kinds.kind import Kind, Listed
from flowledger.storage.kinds.parts import moment, stored
from flowledger.storage.merge.additions import Addition
from flowledger.storage.merge.writes import Write
from flowledger.storage.owned import OwnedRepository
from flowledger.storage.paging import Order, Page
from flowledger.storage.repository import EventRepository
from flowledger.storage.schema.columns import ROOM_FOR_UPDATES, index_where_given, metadata, one_of, short_name
from flowledger.storage.schema.partitions import BY_WEEK, index_of_age, partitioned
from flowledger.storage.schema.types import Exact, Json, Name, UtcTime

TABLE: Final = partitioned(
    Table(
        "metrics",
        metadata,
        Column("source", Name, primary_key=True),
        Column("event_id", Name, primary_key=True),
        Column("recorded_at", UtcTime, primary_key=True),
        Column("subject", Name, nullable=False),
        *short_name(nullable=False),
        Column("value", Double(), nullable=False),
        *short_name("unit"),
        *one_of("kind", "metric_kind", Text(), METRIC_KINDS),
        Column("labels", Json),
        Column("agent_id", Name),
        Column("execution_id", Name),
        Column("task_id", Name),
        Column("workspace_id", Name),
        Column("time", UtcTime, nullable=False),
        Index("ix_metrics_subject", "subject", "name", "time"),
        Index("ix_metrics_time", "time"),
        *index_where_given("metrics", "workspace_id", "time"),
        index_of_age("metrics"),
        **BY_WEEK,
    ),
    "subject",
)


def _sums(name: str) -> Table:
    """Return a table of sums. In its key, an absent unit or kind is the empty text, which neither of them can be."""
    return Table(
        name,
        metadata,
        Column("subject", Name),
        Column("name", Name),
        Column("unit", Name),
        Column("kind", Name),
        Column("start", UtcTime),
        Column("count", BigInteger, nullable=False),
        Column("sum", Exact, nullable=False),
        Column("min", Double(), nullable=False),
        Column("max", Double(), nullable=False),
        PrimaryKeyConstraint("subject", "name", "start", "unit", "kind"),
        **ROOM_FOR_UPDATES,
    )


HOURS: Final = _sums("metric_hours")
DAYS: Final = _sums("metric_days")
SUM_TABLES: Final = (HOURS, DAYS)
SUMS: Final = Addition()

OLDEST_FIRST: Final = Order((TABLE.c.time, TABLE.c.source, TABLE.c.event_id))

_FIELDS: Final = (
    "name", "value", "unit", "kind", "labels", "agent_id", "execution_id", "task_id", "workspace_id"
)  # fmt: skip


def append(event: Event, recorded_at: str) -> Write:
    """Write a point."""
    return Write(
        TABLE,
        source=event.source,
        event_id=event.id,
        recorded_at=recorded_at,
        subject=event.subject,
        **{name: stored(TABLE, event.data, name) for name in _FIELDS},
        time=moment(event, recorded_at),
    )


def add_to_hour(event: Event, recorded_at: str) -> Write:
    """Add a point to its hour."""
    return _add(HOURS, event, moment(event, recorded_at)[: len("2026-01-31 12")] + ":00:00.000000")


def add_to_day(event: Event, recorded_at: str) -> Write:
    """Add a point to its day."""
    return _add(DAYS, event, moment(event, recorded_at)[: len("2026-01-31")] + " 00:00:00.000000")


def _add(table: Table, event: Event, start: str) -> Write:
    data = event.data
    assert isinstance(data, say.MetricRecorded)
    key = {"subject": event.subject, "name": data.name, "unit": data.unit or "", "kind": data.kind or ""}
    return Write(table, **key, start=start).add(SUMS, data.value)


class MetricRepository(EventRepository[Metric]):
    table = TABLE
    record = Metric
    listed_by = ("subject", "name", "workspace_id")
    told_by = ("value", "unit", "kind", "labels", "agent_id", "execution_id", "task_id")

    def of_subject(self, subject: str, *, limit: int = 50, offset: int = 0, after: str | None = None) -> Page[Metric]:
        """Return a page of the points that were measured at `subject`, newest first."""
        return self.newest(subject=subject, limit=limit, offset=offset, after=after)

    def series(
        self,
        subject: str,
        name: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        offset: int = 0,
        after: str | None = None,
    ) -> Page[Metric]:
        """Return a page of the points of this name, measured at `subject`, from `since` to before `until`, in order."""
        statement = self._having({"subject": subject, "name": name}).where(*between(TABLE.c.time, since, until))
        return self._page(statement, OLDEST_FIRST, limit, offset, after)


class MetricHourRepository(OwnedRepository[MetricSum]):
    """Reads the sums by hour."""

    table = HOURS
    record = MetricSum
    listed_by = ("subject", "name", "unit", "kind")
    owned_by = (("subject", "name"),)
    in_order = Order((HOURS.c.start, HOURS.c.unit, HOURS.c.kind, HOURS.c.subject, HOURS.c.name))
    time = "start"
    told_by = ("count", "sum", "min", "max")

    def series(
        self,
        subject: str,
        name: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        offset: int = 0,
        after: str | None = None,
    ) -> Page[MetricSum]:
        """Return a page of the sums of a metric that begin from `since` to before `until`, in order.

        Of one start, each unit and kind has a sum of its own.
        """
        columns = self.table.c
        statement = self._select().where(columns.subject == subject, columns.name == name)
        statement = statement.where(*between(columns.start, since, until))
        return self._page(statement, Order((columns.start, columns.unit, columns.kind)), limit, offset, after)

    def _record(self, row: Row[Any]) -> MetricSum:
        values = dict(row._mapping)
        return MetricSum(**values | {"unit": values["unit"] or None, "kind": values["kind"] or None})


class MetricDayRepository(MetricHourRepository):
    """Reads the sums by day, of UTC."""

    table = DAYS
    in_order = Order((DAYS.c.start, DAYS.c.unit, DAYS.c.kind, DAYS.c.subject, DAYS.c.name))


KIND: Final = Kind(
    "metric",
    tables=(TABLE, HOURS, DAYS),
    repository=None,
    events={say.MetricRecorded: (append, add_to_hour, add_to_day)},
    lists=(Listed("metrics", MetricRepository, MetricRepository.of_subject, "subject", tail=True),),
    further=(MetricHourRepository, MetricDayRepository),
    subject="subject",
)
