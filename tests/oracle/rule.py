"""The groups of columns and their owners (section 3)."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from tests.oracle.events import PLACES, TERMINAL, Event

Row = dict[str, Any]
Key = tuple[Any, ...]


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


def last_report(events: list[Event], before: str) -> tuple[str, datetime | None, Row]:
    """Of a kind without ranks: the status, when it was reported, and what was said with it.

    The last report stands, whatever its attempt; `before` is the status without any.
    """
    last = max((e for e in events if e.type in PLACES), key=order, default=None)
    if last is None:
        return before, None, {}
    reported, fields = PLACES[last.type]
    return reported, last.at, {field: last.get(field) for field in fields}


def description(events: list[Event], kind: str, fields: tuple[str, ...]) -> Row:
    """Each field by itself, from the last event that carries it; a null counts in `updated` alone."""
    created, updated = of(events, f"{kind}.created"), of(events, f"{kind}.updated")
    row: Row = {}
    for field in fields:
        carriers = [(0, order(e), e) for e in created if e.get(field) is not None]
        carriers += [(1, order(e), e) for e in updated if field in e.data]
        row[field] = max(carriers)[2].get(field) if carriers else None
    return row


def record(events: list[Event], kind: str, fields: tuple[str, ...], before: str) -> Row:
    """A subject whose status has no ranks: description, status, and times."""
    reported, at, said = last_report(events, before)
    return {**subject(events, kind, fields), "status": reported, "reason": said.get("reason"), "status_at": at}


def subject(events: list[Event], kind: str, fields: tuple[str, ...]) -> Row:
    """What every subject of CONTRACT-RECORDS has: description, and three times."""
    deletion = max(of(events, f"{kind}.deleted", f"{kind}.restored"), key=order, default=None)
    return {
        "id": events[0].subject,
        **description(events, kind, fields),
        "created_at": created_at(events, f"{kind}.created"),
        "updated_at": max(e.at for e in [e for e in events if e.time] or events),
        "deleted_at": deletion.at if deletion and deletion.type.endswith(".deleted") else None,
    }


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
