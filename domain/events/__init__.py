"""The vocabulary of the core: one frozen model for the data of each event type of CONTRACT §4.

A new event type touches the file of its subject (its class), `EVENT_TYPES` here, `workers/recorder.py` (what is done)
and the tests. Unknown fields are ignored here (the journal keeps them). `null` is dropped before a model sees it, but
for the fields in `keeps_null`.
"""

from __future__ import annotations

from typing import Final

from domain.events.base import Error, EventData
from domain.events.executions import (
    ExecutionCancelled,
    ExecutionCheckpointed,
    ExecutionCompleted,
    ExecutionCreated,
    ExecutionFailed,
    ExecutionLogged,
    ExecutionPaused,
    ExecutionQueued,
    ExecutionResumed,
    ExecutionRetrying,
    ExecutionStarted,
    ExecutionTimedOut,
    ExecutionUpdated,
    NodeCompleted,
    NodeData,
    NodeFailed,
    NodeRetrying,
    NodeSkipped,
    NodeStarted,
)
from domain.events.messages import (
    MESSAGE_TYPES,
    MessageDelivered,
    MessageDispatched,
    MessageExpired,
    MessageFailed,
    MessageSent,
    MessageType,
)
from domain.events.tasks import (
    TaskCancelled,
    TaskCompleted,
    TaskCreated,
    TaskFailed,
    TaskLogged,
    TaskProgressed,
    TaskQueued,
    TaskRetrying,
    TaskSkipped,
    TaskStarted,
    TaskTimedOut,
    TaskUpdated,
)

__all__ = [
    "EVENT_TYPES",
    "MESSAGE_TYPES",
    "Error",
    "EventData",
    "ExecutionCancelled",
    "ExecutionCheckpointed",
    "ExecutionCompleted",
    "ExecutionCreated",
    "ExecutionFailed",
    "ExecutionLogged",
    "ExecutionPaused",
    "ExecutionQueued",
    "ExecutionResumed",
    "ExecutionRetrying",
    "ExecutionStarted",
    "ExecutionTimedOut",
    "ExecutionUpdated",
    "MessageDelivered",
    "MessageDispatched",
    "MessageExpired",
    "MessageFailed",
    "MessageSent",
    "MessageType",
    "NodeCompleted",
    "NodeData",
    "NodeFailed",
    "NodeRetrying",
    "NodeSkipped",
    "NodeStarted",
    "TaskCancelled",
    "TaskCompleted",
    "TaskCreated",
    "TaskFailed",
    "TaskLogged",
    "TaskProgressed",
    "TaskQueued",
    "TaskRetrying",
    "TaskSkipped",
    "TaskStarted",
    "TaskTimedOut",
    "TaskUpdated",
]

EVENT_TYPES: Final[dict[str, type[EventData]]] = {
    model.event_type: model
    for model in (
        ExecutionCreated,
        ExecutionUpdated,
        ExecutionQueued,
        ExecutionStarted,
        ExecutionPaused,
        ExecutionResumed,
        ExecutionRetrying,
        ExecutionCheckpointed,
        ExecutionCompleted,
        ExecutionFailed,
        ExecutionCancelled,
        ExecutionTimedOut,
        ExecutionLogged,
        NodeStarted,
        NodeRetrying,
        NodeCompleted,
        NodeFailed,
        NodeSkipped,
        TaskCreated,
        TaskUpdated,
        TaskQueued,
        TaskStarted,
        TaskProgressed,
        TaskRetrying,
        TaskCompleted,
        TaskFailed,
        TaskCancelled,
        TaskSkipped,
        TaskTimedOut,
        TaskLogged,
        MessageSent,
        MessageDelivered,
        MessageFailed,
        MessageDispatched,
        MessageExpired,
    )
}
"""Every type of the core and the model of its data."""
