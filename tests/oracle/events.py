"""The journal, read by the oracle: an event, and what it reports (sections 2 to 4)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

# Sections 3 and 4: the rank, the status, and the fields of the status group that an event reports.
REPORTS: dict[str, tuple[int, str, tuple[str, ...]]] = {
    "created": (0, "pending", ()),
    "retrying": (1, "retrying", ("error",)),
    "queued": (2, "queued", ()),
    "started": (3, "running", ()),
    "resumed": (3, "running", ()),
    "paused": (3, "paused", ("reason",)),
    "completed": (4, "completed", ("output", "final_state", "state", "usage")),
    "failed": (4, "failed", ("error", "final_state", "state", "usage")),
    "cancelled": (4, "cancelled", ("reason",)),
    "skipped": (4, "skipped", ("reason",)),
    "timed_out": (4, "timed_out", ()),
}
TERMINAL = 4
RANKED = ("execution", "node", "task", "collaboration")

# The same of kinds whose statuses have no ranks.
PLACES: dict[str, tuple[str, tuple[str, ...]]] = {
    "workspace.created": ("active", ()),
    "workspace.archived": ("archived", ("reason",)),
    "sandbox.created": ("provisioning", ()),
    "sandbox.provisioning": ("provisioning", ()),
    "sandbox.starting": ("starting", ()),
    "sandbox.started": ("running", ()),
    "sandbox.stopping": ("stopping", ("reason",)),
    "sandbox.stopped": ("stopped", ("reason",)),
    "sandbox.failed": ("error", ("error",)),
    "agent.created": ("active", ()),
    "agent.activated": ("active", ("reason",)),
    "agent.retired": ("retired", ("reason",)),
    "workflow.created": ("draft", ()),
    "workflow.published": ("published", ("version",)),
    "workflow.archived": ("archived", ("reason",)),
    "workflow.withdrawn": ("draft", ("reason",)),
    "user.created": ("active", ()),
    "user.activated": ("active", ("reason",)),
    "user.deactivated": ("inactive", ("reason",)),
    "custom_node.created": ("enabled", ()),
    "custom_node.enabled": ("enabled", ("reason",)),
    "custom_node.disabled": ("disabled", ("reason",)),
    "mcp_server.created": ("disconnected", ()),
    "mcp_server.connected": ("connected", ("tool_count",)),
    "mcp_server.disconnected": ("disconnected", ("reason",)),
    "mcp_server.failed": ("error", ("error",)),
    "webhook.created": ("enabled", ()),
    "webhook.enabled": ("enabled", ("reason",)),
    "webhook.disabled": ("disabled", ("reason",)),
    "schedule.created": ("enabled", ()),
    "schedule.enabled": ("enabled", ("reason",)),
    "schedule.disabled": ("disabled", ("reason",)),
}


@dataclass(frozen=True)
class Recorded:
    """A row of the journal: the event's JSON text as it came, and when it was recorded (aware; section 5)."""

    raw: str
    recorded_at: datetime


@dataclass(frozen=True)
class Event:
    """A journalled event (section 2): text as the tables show it, `sequence` exactly as it came."""

    type: str
    subject: str
    source: str
    id: str
    time: datetime | None
    sequence: str | None
    data: dict[str, Any]
    recorded_at: datetime

    @property
    def kind(self) -> str:
        """`execution` of `execution.started`."""
        return self.type.partition(".")[0]

    @property
    def report(self) -> tuple[int, str, tuple[str, ...]] | None:
        """Its line of REPORTS; None where it has no status with a rank, as all of a message's events."""
        return REPORTS.get(self.type.partition(".")[2]) if self.kind in RANKED else None

    @property
    def attempt(self) -> int:
        """`data.attempt`, default 1 (section 3)."""
        return int(self.get("attempt", 1))

    @property
    def at(self) -> datetime:
        """The time that stands in the rows: the event's own, or else the journal's (section 2)."""
        return self.time or self.recorded_at

    def get(self, field: str, default: Any = None) -> Any:
        """A field of the data; null is the same as absent (section 2)."""
        value = self.data.get(field)
        return default if value is None else value


# In JSON text: what stays (pairs of surrogates, other escapes), and then what PostgreSQL cannot hold.
UNSTORABLE = re.compile(r"(\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\[^u])|\\u0000|\\u[dD][89a-fA-F]..|[\ud800-\udfff]")


def read(recorded: Recorded) -> Event:
    """The event in a row of the journal; U+0000 and lone surrogates are U+FFFD in all but the sequence."""
    literal = json.loads(recorded.raw, parse_int=str, parse_float=str)
    storable = UNSTORABLE.sub(lambda match: match[1] or "\ufffd", recorded.raw)
    # Through Decimal, because int() refuses text of more than 4,300 digits.
    envelope = json.loads(storable, parse_int=lambda digits: int(Decimal(digits)))
    time = envelope.get("time")
    return Event(
        type=envelope["type"],
        subject=envelope["subject"],
        source=envelope["source"],
        id=envelope["id"],
        time=None if time is None else instant(time),
        sequence=literal.get("sequence"),
        data=envelope.get("data") or {},
        recorded_at=recorded.recorded_at.astimezone(UTC),
    )


RFC_3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-5][0-9]))"
)


def instant(text: str) -> datetime:
    """An RFC 3339 time, in UTC, cut to the microsecond (section 2); ValueError for anything else."""
    match = RFC_3339.fullmatch(text)
    if match is None:
        raise ValueError(f"not an RFC 3339 time with a zone: {text!r}")
    year, month, day, hour, minute, second = (int(digits) for digits in match.groups()[:6])
    micro = int((match[7] or "")[:6].ljust(6, "0"))
    offset = timedelta(hours=int(match[9] or 0), minutes=int(match[10] or 0)) * (-1 if match[8] == "-" else 1)
    return datetime(year, month, day, hour, minute, second, micro, timezone(offset)).astimezone(UTC)
