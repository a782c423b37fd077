"""What has a row an event: metrics and audit lines, and the sums of metrics (CONTRACT-RECORDS section 2)."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

from tests.oracle.events import Event
from tests.oracle.rule import Key, Row

DIGITS = 2_000
"""More than any sum of doubles has."""


def point(event: Event) -> Row:
    """A row of `metrics`."""
    columns = ("unit", "kind", "labels", "agent_id", "execution_id", "task_id", "workspace_id")
    return {
        "source": event.source,
        "event_id": event.id,
        "recorded_at": event.recorded_at,
        "subject": event.subject,
        "name": event.data["name"],
        "value": float(event.data["value"]),
        **{column: event.get(column) for column in columns},
        "time": event.at,
    }


def hour(event: Event) -> Key:
    """The key of `metric_hours`: without a unit or a kind, the text is empty. The start stands third."""
    return _series(event, event.at.replace(minute=0, second=0, microsecond=0))


def day(event: Event) -> Key:
    """The key of `metric_days`."""
    return _series(event, event.at.replace(hour=0, minute=0, second=0, microsecond=0))


def total(key: Key, events: list[Event]) -> Row:
    """A row of sums; a double counts as the shortest decimal that reads as this double."""
    values = [float(event.data["value"]) for event in events]
    with localcontext(prec=DIGITS):
        exact = sum((Decimal(repr(value)) for value in values), Decimal())
    return {
        **dict(zip(("subject", "name", "start", "unit", "kind"), key, strict=True)),
        "count": len(values),
        "sum": exact,
        "min": min(values),
        "max": max(values),
    }


def audit_line(event: Event) -> Row:
    """A row of `audit_logs`."""
    columns = ("user_id", "resource_type", "event_type", "details", "ip_address")
    return {
        "source": event.source,
        "event_id": event.id,
        "recorded_at": event.recorded_at,
        "resource_id": event.subject,
        "action": event.data["action"],
        **{column: event.get(column) for column in columns},
        "success": event.get("success", True),
        "time": event.at,
    }


def _series(event: Event, start: Any) -> Key:
    return (event.subject, event.data["name"], start, event.get("unit", ""), event.get("kind", ""))
