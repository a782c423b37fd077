"""What is done with each event: the table of contents of the service, and the way from entries to the database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from domain import events as say
from domain import json_text, streams
from domain.envelope import Event, parse
from domain.errors import Reason, Refused
from domain.events import EventData
from domain.limits import Limits
from domain.times import now, sortable
from storage.groups import Write
from storage.pipeline import Transaction, Unrecordable
from storage.repositories import (
    DeadLetterRepository,
    DeliveryRepository,
    ExecutionLogRepository,
    ExecutionRepository,
    JournalRepository,
    MessageRepository,
    TaskLogRepository,
    TaskRepository,
)
from storage.unit_of_work import Storage

Writer = Callable[[Event, str], Write | None]
"""Makes a write of an event and of the time it was recorded at (as `domain.times.sortable` gives it)."""

EVENT_HANDLERS: Final[dict[type[EventData], tuple[Writer, ...]]] = {
    say.ExecutionCreated: (ExecutionRepository.create,),
    say.ExecutionUpdated: (ExecutionRepository.update,),
    say.ExecutionQueued: (ExecutionRepository.report,),
    say.ExecutionStarted: (ExecutionRepository.start,),
    say.ExecutionPaused: (ExecutionRepository.report,),
    say.ExecutionResumed: (ExecutionRepository.report,),
    say.ExecutionRetrying: (ExecutionRepository.report,),
    say.ExecutionCheckpointed: (ExecutionRepository.checkpoint,),
    say.ExecutionCompleted: (ExecutionRepository.complete,),
    say.ExecutionFailed: (ExecutionRepository.report,),
    say.ExecutionCancelled: (ExecutionRepository.report,),
    say.ExecutionTimedOut: (ExecutionRepository.report,),
    say.ExecutionLogged: (ExecutionRepository.mention, TaskLogRepository.append),
    say.NodeStarted: (ExecutionRepository.mention, ExecutionLogRepository.start),
    say.NodeRetrying: (ExecutionRepository.mention, ExecutionLogRepository.report),
    say.NodeCompleted: (ExecutionRepository.mention, ExecutionLogRepository.report),
    say.NodeFailed: (ExecutionRepository.mention, ExecutionLogRepository.report),
    say.NodeSkipped: (ExecutionRepository.mention, ExecutionLogRepository.report),
    say.TaskCreated: (TaskRepository.create,),
    say.TaskUpdated: (TaskRepository.update,),
    say.TaskQueued: (TaskRepository.report,),
    say.TaskStarted: (TaskRepository.start,),
    say.TaskProgressed: (TaskRepository.progress,),
    say.TaskRetrying: (TaskRepository.report,),
    say.TaskCompleted: (TaskRepository.report,),
    say.TaskFailed: (TaskRepository.report,),
    say.TaskCancelled: (TaskRepository.report,),
    say.TaskSkipped: (TaskRepository.report,),
    say.TaskTimedOut: (TaskRepository.report,),
    say.TaskLogged: (TaskRepository.mention, TaskLogRepository.append),
    say.MessageSent: (MessageRepository.send, DeliveryRepository.await_recipients),
    say.MessageDelivered: (MessageRepository.mention, DeliveryRepository.deliver),
    say.MessageFailed: (MessageRepository.mention, DeliveryRepository.fail),
    say.MessageDispatched: (MessageRepository.mention, DeliveryRepository.dispatch),
    say.MessageExpired: (MessageRepository.mention, DeliveryRepository.expire),
}
"""For each event type, the writes that record it, in order: a row before the rows that refer to it."""


class Entry(NamedTuple):
    """An entry of an events stream: its id, and its fields as name, value, name, value …, bytes as they came."""

    id: str
    fields: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a batch: how many entries were new, known already, and dead."""

    recorded: int = 0
    repeated: int = 0
    dead: int = 0

    def __add__(self, other: Recorded) -> Recorded:
        return Recorded(self.recorded + other.recorded, self.repeated + other.repeated, self.dead + other.dead)


class _Read(NamedTuple):
    """An entry as it was understood: an event, or why it is none."""

    entry: Entry
    raw: bytes
    event: Event | None
    refused: Refused | None


class Recorder:
    """Records the entries of one shard: each event, or dead letter, in a transaction of its own."""

    def __init__(self, storage: Storage, shard: int, limits: Limits) -> None:
        self._storage = storage
        self._shard = shard
        self._stream = streams.stream(shard)
        self._limits = limits

    def record(self, entries: Sequence[Entry]) -> Recorded:
        """Records all of `entries` durably, or raises DatabaseUnavailable; then none may be acknowledged.

        Where the database refuses one of them, all are done again one by one: those that the first try had committed
        then count as repeated.
        """
        batch = [_read(entry, self._limits) for entry in entries]
        try:
            return self._record(batch, batch[-1].entry.id)
        except Unrecordable:
            return sum((self._record_alone(read) for read in batch), Recorded())

    def _record(self, batch: Sequence[_Read], last_entry: str) -> Recorded:
        recorded_at = sortable(now())
        unit = self._storage.unit_of_work()
        dead = 0
        for read in batch:
            if read.event is not None:
                unit.add(transaction_of(read.event, self._shard, recorded_at))
            else:
                unit.add(Transaction(None, [self._dead_letter(read, recorded_at)]))
                dead += 1
        repeated = unit.flush(self._stream, last_entry, recorded_at)
        conflicts = self._bury_conflicts([batch[place] for place in repeated], last_entry)
        return Recorded(len(batch) - dead - len(repeated), len(repeated) - conflicts, dead + conflicts)

    def _record_alone(self, read: _Read) -> Recorded:
        try:
            return self._record([read], read.entry.id)
        except Unrecordable as error:
            refused = Refused(Reason.UNRECORDABLE, "", f"the database refuses it: {error}")
            return self._record([read._replace(event=None, refused=refused)], read.entry.id)

    def _bury_conflicts(self, repeated: Sequence[_Read], last_entry: str) -> int:
        """An event that was known with other content becomes a dead letter; the one recorded first stands."""
        events = [read.event for read in repeated if read.event is not None]
        if not events:
            return 0
        with self._storage.reading() as connection:
            conflicting = {id(event) for event in JournalRepository(connection).conflicting(events)}
        conflicts = [
            read._replace(event=None, refused=Refused(Reason.CONFLICT, "id", "recorded before with other content"))
            for read in repeated
            if id(read.event) in conflicting
        ]
        if conflicts:
            self._record(conflicts, last_entry)
        return len(conflicts)

    def _dead_letter(self, read: _Read, seen_at: str) -> Write:
        assert read.refused is not None
        readable = _readable(read.raw, self._limits)
        entry_id = read.entry.id
        return DeadLetterRepository.bury(
            self._stream, entry_id, read.raw, read.refused, seen_at=seen_at, readable=readable
        )


def transaction_of(event: Event, shard: int, recorded_at: str) -> Transaction:
    """All that recording an event writes."""
    writes = [writer(event, recorded_at) for writer in EVENT_HANDLERS[type(event.data)]]
    journal = JournalRepository.row(event, shard, recorded_at)
    return Transaction(journal, [write for write in writes if write is not None])


def _read(entry: Entry, limits: Limits) -> _Read:
    names = [bytes(name) for name in entry.fields[::2]]
    if names.count(streams.FIELD.encode()) != 1:
        words = f"an entry has one field named `{streams.FIELD}`; this one has {ascii(names)[1:-1] or 'none'}"
        raw = _all_fields(entry.fields)
        return _Read(entry, raw, None, Refused(Reason.MALFORMED_ENTRY, streams.FIELD, words[:500]))
    raw = entry.fields[2 * names.index(streams.FIELD.encode()) + 1]
    try:
        return _Read(entry, raw, parse(raw, limits), None)
    except Refused as refused:
        return _Read(entry, raw, None, refused)


def _all_fields(fields: Sequence[bytes]) -> bytes:
    """All fields of a malformed entry, exactly: a lone value as it is, else a JSON array (surrogates escape bytes)."""
    if len(fields) == 2:
        return fields[1]
    texts = [field.decode("utf-8", "surrogateescape") for field in fields]
    return json_text.ascii_dumps([list(pair) for pair in zip(texts[::2], texts[1::2], strict=True)]).encode()


def _readable(raw: bytes, limits: Limits) -> dict[str, str | None]:
    """`type`, `source` and `event_id` of a dead letter, where they can be read at all."""
    attributes: Any = None
    if len(raw) <= limits.max_event_bytes:
        try:
            attributes = json_text.loads(raw.decode("utf-8"), limits)
        except ValueError:
            attributes = None
    if not isinstance(attributes, dict):
        attributes = {}
    texts = {"type": attributes.get("type"), "source": attributes.get("source"), "event_id": attributes.get("id")}
    return {name: text if isinstance(text, str) else None for name, text in texts.items()}
