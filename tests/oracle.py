"""The contract's merge rule (sections 2 to 5) written a second time, plainly, to test the first.

Nothing is incremental, and nothing is shared with the ledger's own code: the events of a row stand in one
list, and each group of columns asks that list for its owner. The events must be valid (section 2), and each
`source` + `id` there once: the oracle does not judge them.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

Row = dict[str, Any]
Key = tuple[Any, ...]
Tables = dict[str, dict[Key, Row]]

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

# Section 4: what `created` may carry.
EXECUTION_DESCRIPTION = (
    "workflow_id", "workspace_id", "sandbox_id", "agent_id", "user_id", "parent_execution_id", "retry_of",
    "mode", "trigger_type", "input", "initial_state",
)  # fmt: skip
TASK_DESCRIPTION = (
    "name", "kind", "execution_id", "parent_task_id", "retry_of", "workspace_id", "sandbox_id", "agent_id",
    "user_id", "priority", "input",
)  # fmt: skip
MESSAGE_COLUMNS = (
    "from_sandbox_id", "workspace_id", "message_type", "content", "thread_id", "in_reply_to", "execution_id",
    "task_id", "priority",
)  # fmt: skip

LEVELS = {"trace": "debug", "warn": "warning", "fatal": "critical"}
DELIVERY = {  # section 3: (rank, status) that each event gives to the recipients that it names
    "message.sent": (0, "pending"),
    "message.dispatched": (1, "sent"),
    "message.expired": (2, "expired"),
    "message.failed": (3, "failed"),
    "message.delivered": (4, "delivered"),
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
        """Its line of REPORTS; None where it has no status, as all of a message's events."""
        return None if self.kind == "message" else REPORTS.get(self.type.partition(".")[2])

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


def tables(journal: Iterable[Recorded]) -> Tables:
    """The rows of six tables of section 5 by primary key: a pure function of the set of events (section 3).

    JSON columns hold Python values, times are UTC cut to the microsecond, either null is None.
    """
    events = [read(recorded) for recorded in journal]
    return {
        "executions": rows(execution, [((e.subject,), e) for e in events if e.kind in ("execution", "node")]),
        "execution_logs": rows(node_run, [(run(e), e) for e in events if e.kind == "node"]),
        "tasks": rows(task, [((e.subject,), e) for e in events if e.kind == "task"]),
        "task_logs": {(e.source, e.id): log_line(e) for e in events if e.type.endswith(".logged")},
        "messages": rows(message, [((e.subject,), e) for e in events if e.kind == "message"]),
        "message_deliveries": rows(delivery, [((e.subject, to), e) for e in events for to in recipients(e)]),
    }


def rows(row: Callable[[Key, list[Event]], Row], about: Iterable[tuple[Key, Event]]) -> dict[Key, Row]:
    """One row for each key, made of all the events that are about it."""
    groups: dict[Key, list[Event]] = defaultdict(list)
    for key, event in about:
        groups[key].append(event)
    return {key: row(key, events) for key, events in groups.items()}


def run(event: Event) -> Key:
    """The run that a node's event is about: the key of `execution_logs` (section 5)."""
    return (event.subject, event.data["node"], event.get("iteration", 1), event.attempt)


def recipients(event: Event) -> set[str]:
    """The sandboxes that an event of a message names (section 4); a broadcast by itself names none."""
    if event.type == "message.sent":
        return set(event.get("to_sandbox_ids", ()))
    return {event.data["to_sandbox_id"]} if event.kind == "message" else set()


# --- the rows (section 5)


def execution(key: Key, events: list[Event]) -> Row:
    """A row of `executions`; node events make it, but write nothing of it except its age (section 3)."""
    own = [e for e in events if e.kind == "execution"]
    checkpoint = owner(of(own, "execution.checkpointed"))
    counted = [e.get("iterations") for e in of(own, "execution.checkpointed", "execution.completed")]
    return {
        "id": key[0],
        **status(own, ("output", "error", "reason", "usage", "final_state")),
        **description(own, "execution", EXECUTION_DESCRIPTION),
        "current_state": checkpoint and checkpoint.get("state"),
        "iterations": max((n for n in counted if n is not None), default=None),
        "created_at": created_at(events, "execution.created"),
        "started_at": earliest(of(own, "execution.started")),
    }


def node_run(key: Key, events: list[Event]) -> Row:
    """A row of `execution_logs`: one run of a node (section 3)."""
    start = owner(of(events, "node.started"))
    return {
        **status(events, ("output", "error", "reason", "usage", "state")),
        **dict(zip(("execution_id", "node", "iteration", "attempt"), key, strict=True)),
        "input": start and start.get("input"),
        "agent_id": start and start.get("agent_id"),
        "started_at": earliest(of(events, "node.started")),
    }


def task(key: Key, events: list[Event]) -> Row:
    """A row of `tasks`."""
    start = owner(of(events, "task.started"))
    progress = owner(of(events, "task.progressed"))
    return {
        "id": key[0],
        **status(events, ("output", "error", "reason", "usage")),
        **description(events, "task", TASK_DESCRIPTION),
        "worker": start and start.get("worker"),
        "progress": progress and float(progress.data["progress"]),
        "progress_message": progress and progress.get("message"),
        "created_at": created_at(events, "task.created"),
        "started_at": earliest(of(events, "task.started")),
    }


def log_line(event: Event) -> Row:
    """A row of `task_logs`, from `task.logged` or `execution.logged` (section 4)."""
    of_execution = event.type == "execution.logged"
    level = event.get("level", "info").lower()
    return {
        "source": event.source,
        "event_id": event.id,
        "task_id": None if of_execution else event.subject,
        "execution_id": event.subject if of_execution else None,
        "node": event.get("node") if of_execution else None,
        "iteration": event.get("iteration") if of_execution else None,
        "level": LEVELS.get(level, level),
        "message": event.data["message"],
        "logger": event.get("logger"),
        "context": event.get("context"),
        "time": event.at,
        "sequence": event.sequence and re.sub("[\0\ud800-\udfff]", "\ufffd", event.sequence),
    }


def message(key: Key, events: list[Event]) -> Row:
    """A row of `messages`: one group, null until a `sent` comes (section 3)."""
    sent = owner(of(events, "message.sent"))
    expires_at = sent and sent.get("expires_at")
    return {
        "id": key[0],
        **{column: sent and sent.get(column) for column in MESSAGE_COLUMNS},
        "expires_at": expires_at and instant(expires_at),
        "created_at": created_at(events, "message.sent"),
    }


def delivery(key: Key, events: list[Event]) -> Row:
    """A row of `message_deliveries`: the greatest status reached stands (section 3)."""
    last = max(events, key=lambda e: (DELIVERY[e.type], event_key(e)))
    return {
        "message_id": key[0],
        "to_sandbox_id": key[1],
        "status": DELIVERY[last.type][1],
        "sent_at": earliest(of(events, "message.dispatched")),
        "delivered_at": earliest(of(events, "message.delivered")),
        "reason": last.get("reason") if last.type == "message.failed" else None,
    }


# --- the groups of columns and their owners (section 3)


def status(events: list[Event], columns: tuple[str, ...]) -> Row:
    """The status group; what its owner leaves out is null. Mentions alone make it pending, attempt 1."""
    last = owner([e for e in events if e.report])
    if last is None or last.report is None:
        return {"status": "pending", "attempt": 1, **dict.fromkeys(columns), "finished_at": None}
    rank, reported, fields = last.report
    return {
        "status": reported,
        "attempt": last.attempt,
        **{column: last.get(column) if column in fields else None for column in columns},
        "finished_at": last.at if rank == TERMINAL else None,
    }


def description(events: list[Event], kind: str, fields: tuple[str, ...]) -> Row:
    """Each field by itself, from the last event that carries it; a null counts in `updated` alone."""
    created, updated = of(events, f"{kind}.created"), of(events, f"{kind}.updated")
    row: Row = {}
    for field in fields:
        carriers = [(0, order(e), e) for e in created if e.get(field) is not None]
        carriers += [(1, order(e), e) for e in updated if field in e.data]
        row[field] = max(carriers)[2].get(field) if carriers else None
    return row


def created_at(events: list[Event], maker: str) -> datetime | None:
    """The earliest time of the makers, or else of any; what has no time counts only where nothing has one."""
    makers, timed = of(events, maker), [e for e in events if e.time]
    return earliest([e for e in makers if e.time] or timed or makers or events)


def earliest(events: list[Event]) -> datetime | None:
    """The earliest time; events without one take no part where another has one (sections 2 and 3)."""
    return min((e.at for e in [e for e in events if e.time] or events), default=None)


def owner(events: list[Event]) -> Event | None:
    """The event with the greatest key."""
    return max(events, key=event_key, default=None)


def of(events: list[Event], *types: str) -> list[Event]:
    """The events of these types."""
    return [e for e in events if e.type in types]


def event_key(event: Event) -> Key:
    """`(attempt, rank, sequence, time, source, id)`; all ranks are equal where there is no status."""
    rank = event.report[0] if event.report else 0
    return (event.attempt, rank, *order(event))


def order(event: Event) -> Key:
    """`(sequence, time, source, id)`: absent first, then digits by value, then text by code point."""
    sequence: Key = (0,)
    if event.sequence is not None:
        sequence = (2, event.sequence)
        if re.fullmatch("[0-9]+", event.sequence):
            digits = event.sequence.lstrip("0")
            sequence = (1, len(digits), digits)
    time = (0,) if event.time is None else (1, event.time)
    return (sequence, time, event.source, event.id)


# --- reading (section 2)

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
