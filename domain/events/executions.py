"""Events of executions, and of the runs of their nodes."""

from __future__ import annotations

from typing import Any

from flowledger.domain.events.base import (
    Attempt,
    Described,
    Error,
    EventData,
    Id,
    Int,
    Logged,
    Queued,
    Reasoned,
    Retrying,
    TimedOut,
)
from flowledger.domain.statuses import Status


class _ExecutionDescription(Described):
    workflow_id: Id | None = None
    workspace_id: Id | None = None
    sandbox_id: Id | None = None
    agent_id: Id | None = None
    user_id: Id | None = None
    parent_execution_id: Id | None = None
    retry_of: str | None = None
    mode: str | None = None
    trigger_type: str | None = None
    input: Any = None
    initial_state: dict[str, Any] | None = None


class ExecutionCreated(_ExecutionDescription):
    event_type = "execution.created"
    status = Status.PENDING


class ExecutionUpdated(_ExecutionDescription):
    event_type = "execution.updated"
    keeps_null = _ExecutionDescription.described_fields()


class ExecutionQueued(Queued):
    event_type = "execution.queued"


class ExecutionStarted(EventData):
    event_type = "execution.started"
    status = Status.RUNNING


class ExecutionPaused(Reasoned):
    event_type = "execution.paused"
    status = Status.PAUSED


class ExecutionResumed(EventData):
    event_type = "execution.resumed"
    status = Status.RUNNING


class ExecutionRetrying(Retrying):
    event_type = "execution.retrying"


class ExecutionCheckpointed(EventData):
    event_type = "execution.checkpointed"
    state: dict[str, Any]
    iterations: Int | None = None


class ExecutionCompleted(EventData):
    event_type = "execution.completed"
    status = Status.COMPLETED
    keeps_null = frozenset({"output"})
    output: Any = None
    final_state: dict[str, Any] | None = None
    iterations: Int | None = None
    usage: dict[str, Any] | None = None


class ExecutionFailed(EventData):
    event_type = "execution.failed"
    status = Status.FAILED
    error: Error
    final_state: dict[str, Any] | None = None
    usage: dict[str, Any] | None = None


class ExecutionCancelled(Reasoned):
    event_type = "execution.cancelled"
    status = Status.CANCELLED


class ExecutionTimedOut(TimedOut):
    event_type = "execution.timed_out"


class ExecutionLogged(Logged):
    event_type = "execution.logged"
    node: Id | None = None
    iteration: Int | None = None


class NodeData(EventData):
    """Base of the events of one node run: `attempt` is the node's, `iteration` counts the turns of a cyclic graph."""

    node: Id
    iteration: Int = 1


class NodeStarted(NodeData):
    event_type = "node.started"
    status = Status.RUNNING
    keeps_null = frozenset({"input"})
    agent_id: Id | None = None
    input: Any = None


class NodeRetrying(NodeData):
    event_type = "node.retrying"
    status = Status.RETRYING
    attempt: Attempt
    error: Error | None = None


class NodeCompleted(NodeData):
    event_type = "node.completed"
    status = Status.COMPLETED
    keeps_null = frozenset({"output"})
    output: Any = None
    state: dict[str, Any] | None = None
    usage: dict[str, Any] | None = None


class NodeFailed(NodeData):
    event_type = "node.failed"
    status = Status.FAILED
    error: Error
    state: dict[str, Any] | None = None
    usage: dict[str, Any] | None = None


class NodeSkipped(NodeData):
    event_type = "node.skipped"
    status = Status.SKIPPED
    reason: str | None = None
