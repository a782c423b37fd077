"""Metrics, measured points: the event, the record, and the sums by hour and by day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal, get_args

from flowledger.domain.kinds.base import EventData
from flowledger.domain.kinds.fields import Id, Name, Value

MetricKind = Literal["gauge", "counter"]
METRIC_KINDS: Final[tuple[str, ...]] = get_args(MetricKind)

__all__ = ["MetricRecorded"]


class MetricRecorded(EventData):
    """A value was measured at the subject."""

    event_type = "metric.recorded"
    belongs_to = ("execution_id", "task_id")
    name: Name
    value: Value
    kind: MetricKind | None = None
    unit: Name | None = None
    labels: dict[str, str] | None = None
    agent_id: Id | None = None
    execution_id: Id | None = None
    task_id: Id | None = None
    workspace_id: Id | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A point, measured at `subject`."""

    source: str
    event_id: str
    subject: str
    name: str
    value: float
    unit: str | None
    kind: str | None
    labels: dict[str, str] | None
    agent_id: str | None
    execution_id: str | None
    task_id: str | None
    workspace_id: str | None
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSum:
    """The points of an hour or a day, which begins at `start` in UTC: `sum` is exact, the others are doubles."""

    subject: str
    name: str
    unit: str | None
    kind: str | None
    start: datetime
    count: int
    sum: Decimal
    min: float
    max: float


EVENTS: Final = (MetricRecorded,)
