"""What stands in the tables, as people and programs read it: one frozen record per table of CONTRACT §5.

`took_seconds` stands in no table: it is the time from start to end, if both have a time of their own (a producer's, not
the journal's) and the end is not before the start, as it may be if two clocks told them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEvent:
    """A row of the journal; `raw` is the event's JSON text exactly as it came."""

    source: str
    id: str
    type: str
    subject: str
    time: datetime | None
    sequence: str | None
    partition: int
    raw: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """An entry that could not be recorded: its exact bytes, why, and what could still be read of it."""

    id: str
    stream: str
    entry_id: str
    raw: bytes
    reason: str
    field: str
    detail: str
    type: str | None
    source: str | None
    subject: str | None
    event_id: str | None
    first_seen: datetime
    attempts: int
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedDeadLetter:
    """A dead letter as it stands in a list: without its bytes, of which there may be many; `size` says how many."""

    id: str
    stream: str
    entry_id: str
    size: int
    reason: str
    field: str
    detail: str
    type: str | None
    source: str | None
    subject: str | None
    event_id: str | None
    first_seen: datetime
    attempts: int
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterDeed:
    """What somebody did with a dead letter: a row of its audit trail, which is only ever added to.

    `source` and `event_id` name the event that was sent, or refused, where it has a name; `stream` and `entry_id` are
    what it was sent as; `raw` its exact bytes where they are not the dead letter's own; `detail` says why.
    """

    id: str
    dead_letter_id: str
    at: datetime
    who: str
    action: str
    source: str | None = None
    event_id: str | None = None
    stream: str | None = None
    entry_id: str | None = None
    raw: bytes | None = None
    detail: str = ""
