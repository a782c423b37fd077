"""The table of contents of the service: for each event type, the writes that record it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from flowledger.domain import events as say
from flowledger.domain.envelope import Event
from flowledger.domain.events import EventData
from flowledger.storage.conditions import Condition
from flowledger.storage.pipeline import Transaction
from flowledger.storage.repositories import (
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
from flowledger.storage.writes import Removal, Write

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


def transaction_of(event: Event, shard: int, recorded_at: str, conditions: Sequence[Condition] = ()) -> Transaction:
    """All that recording an event writes, where the `conditions` hold."""
    writes = [writer(event, recorded_at) for writer in EVENT_HANDLERS[type(event.data)]]
    journal = JournalRepository.row(event, shard, recorded_at)
    return Transaction(journal, [write for write in writes if write is not None], conditions)
