"""What is done with each event: the table of contents of the service, and the way from entries to the database."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, NamedTuple

from domain import events as say
from domain import streams
from domain.envelope import Event, parse
from domain.errors import Reason, Refused
from domain.events import EventData
from domain.limits import Limits
from domain.times import now, sortable
from storage.pipeline import CheckpointRow, Transaction, Unrecordable
from storage.repositories import (
    DeadLetterRepository,
    DeliveryRepository,
    ExecutionLogRepository,
    ExecutionRepository,
    JournalRepository,
    MessageRepository,
    OutboxRepository,
    SandboxRepository,
    TaskLogRepository,
    TaskRepository,
    WorkspaceRepository,
)
from storage.unit_of_work import Storage
from storage.writes import Removal, Write
from workers.authority import Guard, refused_as_known
from workers.entries import all_fields, body, readable
from workers.fuse import Fuse

logger = logging.getLogger(__name__)

Writer = Callable[[Event, str], Write | Removal | None]
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
    say.MessageSent: (MessageRepository.send, DeliveryRepository.await_recipients, OutboxRepository.post),
    say.MessageDelivered: (MessageRepository.mention, DeliveryRepository.deliver, OutboxRepository.settle),
    say.MessageFailed: (MessageRepository.mention, DeliveryRepository.fail, OutboxRepository.settle),
    say.MessageDispatched: (MessageRepository.mention, DeliveryRepository.dispatch, OutboxRepository.settle),
    say.MessageExpired: (MessageRepository.mention, DeliveryRepository.expire, OutboxRepository.settle),
    say.WorkspaceCreated: (WorkspaceRepository.create,),
    say.WorkspaceUpdated: (WorkspaceRepository.update,),
    say.WorkspaceArchived: (WorkspaceRepository.archive,),
    say.SandboxCreated: (SandboxRepository.create,),
    say.SandboxUpdated: (SandboxRepository.update,),
    say.SandboxProvisioning: (SandboxRepository.report,),
    say.SandboxStarting: (SandboxRepository.report,),
    say.SandboxStarted: (SandboxRepository.start,),
    say.SandboxStopping: (SandboxRepository.report,),
    say.SandboxStopped: (SandboxRepository.report,),
    say.SandboxFailed: (SandboxRepository.report,),
}
"""For each event type, the writes that record it, in order: a row before the rows that refer to it."""


MOST_DEATHS: Final = 5
"""So many drains may die at an entry that they took alone; then it is buried unread."""


class Entry(NamedTuple):
    """An entry of a shard's stream: its id, and its fields as name, value, name, value …, bytes as they came.

    `deaths` says how many drains died while they held this entry alone.
    """

    id: str
    fields: Sequence[bytes]
    shard: int = 0
    deaths: int = 0


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a batch: how many entries were new, known already, and dead; and which were dealt with at all.

    `messages` are the events of messages among them, new or known, in their order: for the post office. What was buried
    is not among them, whatever it says.
    """

    recorded: int = 0
    repeated: int = 0
    dead: int = 0
    entries: tuple[Entry, ...] = field(default=(), compare=False)
    messages: tuple[Event, ...] = field(default=(), compare=False)

    def __add__(self, other: Recorded) -> Recorded:
        """The sum of the counts."""
        return Recorded(self.recorded + other.recorded, self.repeated + other.repeated, self.dead + other.dead)


class _Read(NamedTuple):
    """An entry as it was understood: an event and its transaction, or why it is refused."""

    entry: Entry
    raw: bytes
    event: Event | None = None
    transaction: Transaction | None = None
    refused: Refused | None = None

    def dead(self, refused: Refused) -> _Read:
        return _Read(self.entry, self.raw, refused=refused)


class Recorder:
    """Records entries of any shards: each event, or dead letter, in a transaction of its own."""

    def __init__(self, storage: Storage, limits: Limits, guard: Guard | None = None) -> None:
        self._storage = storage
        self._limits = limits
        self._guard = guard

    def record(self, entries: Sequence[Entry], fuses: Mapping[int, Fuse] | None = None) -> Recorded:
        """Records `entries` durably, or raises DatabaseUnavailable; then none may be acknowledged.

        Where a shard's fuse blows, the rest of its entries is left alone: they are not among those of the outcome.
        Where the database refuses one of them, all are done again one by one: those that the first try had committed
        then count as repeated.
        """
        recorded_at = sortable(now())
        if self._guard is not None:
            self._guard.refresh()
        fuses = fuses or {}
        before = {shard: fuse.state() for shard, fuse in fuses.items()}
        reads = [self._read(entry, recorded_at) for entry in entries]
        batch = [read for read in reads if _is_allowed(read, fuses)]
        if not batch:
            return Recorded()
        try:
            outcome = self._record(batch, recorded_at)
        except Unrecordable:
            for shard, state in before.items():
                fuses[shard].restore(state)
            return self._record_one_by_one(reads, recorded_at, fuses)
        return _of(batch, outcome)

    def _read(self, entry: Entry, recorded_at: str) -> _Read:
        if _is_deadly(entry):
            words = f"{entry.deaths} workers died while they recorded it alone; it was not read again"
            return _Read(entry, all_fields(entry.fields), refused=Refused(Reason.UNRECORDABLE, "", words))
        read = _Read(entry, b"")
        try:
            read = _Read(entry, body(entry.fields))
            event = parse(read.raw, self._limits)
            if self._guard is not None:
                self._guard.check(event, entry.id)
            return _Read(entry, read.raw, event, transaction_of(event, entry.shard, recorded_at))
        except Refused as refused:
            return _Read(entry, read.raw or all_fields(entry.fields), refused=refused)
        except Exception as error:  # one event must not hold up its shard; many such blow the fuse
            return read.dead(_our_fault(error))

    def _record(self, batch: Sequence[_Read], recorded_at: str) -> Recorded:
        unit = self._storage.unit_of_work()
        for read in batch:
            unit.add(read.transaction or self._burial(read, recorded_at))
        repeated = unit.flush([CheckpointRow(*last, recorded_at) for last in _last_entries(batch)])
        buried = self._bury_known([batch[place] for place in repeated], recorded_at)
        dead = sum(read.refused is not None for read in batch)
        messages = tuple(
            read.event
            for read in batch
            if read.event is not None and isinstance(read.event.data, say.MessageData) and id(read.event) not in buried
        )
        counts = len(batch) - dead - len(repeated), len(repeated) - len(buried), dead + len(buried)
        return Recorded(*counts, messages=messages)

    def _record_one_by_one(self, reads: Sequence[_Read], recorded_at: str, fuses: Mapping[int, Fuse]) -> Recorded:
        total = Recorded()
        messages: list[Event] = []
        done: list[_Read] = []
        for read in reads:
            if not _is_allowed(read, fuses):
                continue
            try:
                outcome = self._record([read], recorded_at)
                total += outcome
                messages += outcome.messages
            except Unrecordable as error:
                fuse = fuses.get(read.entry.shard)
                if fuse is not None and not fuse.allows_another_death():
                    continue
                refused = Refused(Reason.UNRECORDABLE, "", f"the database refuses it: {error}")
                total += self._record([read.dead(refused)], recorded_at)
            done.append(read)
        return _of(done, replace(total, messages=tuple(messages)))

    def _bury_known(self, repeated: Sequence[_Read], recorded_at: str) -> Set[int]:
        """An event that was known with other content, or is replayed, becomes a dead letter; the one recorded first
        stands. Gives the `id()` of those that did."""
        known = [(read.event, read.entry.id) for read in repeated if read.event is not None]
        if not known:
            return set()
        with self._storage.reading() as connection:
            journal = JournalRepository(connection)
            refused = refused_as_known(known, journal, self._guard, "recorded before with other content")
        buried = [read.dead(refused[id(read.event)]) for read in repeated if id(read.event) in refused]
        if buried:
            self._record(buried, recorded_at)
        return refused.keys()

    def _burial(self, read: _Read, recorded_at: str) -> Transaction:
        assert read.refused is not None
        letter = DeadLetterRepository.bury(
            streams.stream(read.entry.shard),
            read.entry.id,
            read.raw,
            read.refused,
            seen_at=recorded_at,
            readable={} if _is_deadly(read.entry) else readable(read.raw, self._limits),
        )
        return Transaction(None, [letter])


def _of(reads: Sequence[_Read], outcome: Recorded) -> Recorded:
    return replace(outcome, entries=tuple(read.entry for read in reads))


def _is_deadly(entry: Entry) -> bool:
    return entry.deaths >= MOST_DEATHS


def _is_allowed(read: _Read, fuses: Mapping[int, Fuse]) -> bool:
    """Whether an entry comes before its shard's fuse blows; it is counted, then."""
    fuse = fuses.get(read.entry.shard)
    if fuse is None:
        return True
    if fuse.blown or (read.refused is not None and not fuse.allows_dead_letter()):
        return False
    fuse.count(dead=read.refused is not None)
    return True


def _last_entries(batch: Sequence[_Read]) -> list[tuple[str, str]]:
    """Each stream and its last entry, in an order that is the same for all drains: they lock these rows."""
    return sorted({streams.stream(read.entry.shard): read.entry.id for read in batch}.items())


def transaction_of(event: Event, shard: int, recorded_at: str) -> Transaction:
    """All that recording an event writes."""
    writes = [writer(event, recorded_at) for writer in EVENT_HANDLERS[type(event.data)]]
    journal = JournalRepository.row(event, shard, recorded_at)
    return Transaction(journal, [write for write in writes if write is not None])


def fault(error: Exception) -> str:
    """What is said of a fault of our own: the kind of error and the place, for its message may hold anything."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"


def _our_fault(error: Exception) -> Refused:
    where = fault(error)
    logger.error("an event cannot be recorded because of a fault of Flowledger: %s", where)
    return Refused(
        Reason.UNRECORDABLE, "", f"a fault of Flowledger, not of the event: {where}; replay it when it is mended"
    )
