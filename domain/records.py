"""The rows of the tables, as people and programs read them: one frozen record per table of CONTRACT §5.

`took_seconds` is in no table: it is the time from start to end, if both have a time of their own (a producer's, not the
journal's) and the end is not before the start, as it may be if two clocks gave the times.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEvent:
    """An event of the journal; `raw` is its JSON text exactly as received, None if that is gone."""

    source: str
    id: str
    type: str
    subject: str
    time: datetime | None
    sequence: str | None
    partition: int
    raw: str | None
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedEvent:
    """A row of the journal as listed: without the text, which may be long."""

    source: str
    id: str
    type: str
    subject: str
    time: datetime | None
    sequence: str | None
    partition: int
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """An entry that could not be recorded: its exact bytes, the reason, and the attributes that could be read."""

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
    """A dead letter as listed: without its bytes, which may be many; `size` is their number."""

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
    """An action of somebody on a dead letter: a row of its audit trail, which is append-only.

    `source` and `event_id` name the event that was sent, or refused, if it has a name; `stream` and `entry_id` are the
    entry it was sent as; `raw` are its exact bytes if they differ from the dead letter's; `detail` is the reason.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainRecord:
    """One turn of a drain: what it recorded, when, and where; `why` says why it waited or stopped early, if it did.

    `id` is Celery's id of the task, `worker` the name of the Celery node. `measures` has histograms, in the form of
    `domain.measures.Measures.to_json`.
    """

    id: str
    worker: str
    started_at: datetime
    ended_at: datetime
    shards: list[int]
    recorded: int
    repeated: int
    dead: int
    why: str | None
    measures: dict[str, Any]
