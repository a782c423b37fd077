"""Executions and the runs of their nodes: events and records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from flowledger.domain.kinds.base import (
    Described,
    Error,
    EventData,
    Logged,
    Queued,
    Reasoned,
    Retrying,
    TimedOut,
)
from flowledger.domain.kinds.fields import Attempt, Id, Int, Usage
from flowledger.domain.statuses import Status

__all__ = [
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
    "NodeCompleted",
    "NodeData",
    "NodeFailed",
    "NodeRetrying",
    "NodeSkipped",
    "NodeStarted",
]


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
    """A run of a workflow exists, and waits."""

    event_type = "execution.created"
    status = Status.PENDING


class ExecutionUpdated(_ExecutionDescription):
    """Fields of its description change."""

    event_type = "execution.updated"
    keeps_null = _ExecutionDescription.described_fields()


class ExecutionQueued(Queued):
    """It waits in a queue for a worker."""

    event_type = "execution.queued"


class ExecutionStarted(EventData):
    """It runs."""

    event_type = "execution.started"
    status = Status.RUNNING


class ExecutionPaused(Reasoned):
    """It pauses, and may resume."""

    event_type = "execution.paused"
    status = Status.PAUSED


class ExecutionResumed(EventData):
    """It runs again after a pause."""

    event_type = "execution.resumed"
    status = Status.RUNNING


class ExecutionRetrying(Retrying):
    """It failed and is tried again; `attempt` is the new one, and required."""

    event_type = "execution.retrying"


class ExecutionCheckpointed(EventData):
    """It runs, and this is its state so far."""

    event_type = "execution.checkpointed"
    state: dict[str, Any]
    iterations: Int | None = None


class ExecutionCompleted(EventData):
    """It ended well."""

    event_type = "execution.completed"
    status = Status.COMPLETED
    keeps_null = frozenset({"output"})
    output: Any = None
    final_state: dict[str, Any] | None = None
    iterations: Int | None = None
    usage: Usage | None = None


class ExecutionFailed(EventData):
    """It ended with an error."""

    event_type = "execution.failed"
    status = Status.FAILED
    error: Error
    final_state: dict[str, Any] | None = None
    usage: Usage | None = None


class ExecutionCancelled(Reasoned):
    """Somebody ended it."""

    event_type = "execution.cancelled"
    status = Status.CANCELLED


class ExecutionTimedOut(TimedOut):
    """It ended because it took too long."""

    event_type = "execution.timed_out"


class ExecutionLogged(Logged):
    """A line of its log."""

    event_type = "execution.logged"
    node: Id | None = None
    iteration: Int | None = None


class NodeData(EventData):
    """Base of the events of one node run: `attempt` is the node's, `iteration` counts the turns of a cyclic graph."""

    node: Id
    iteration: Int = 1


class NodeStarted(NodeData):
    """A node of an execution runs."""

    event_type = "node.started"
    status = Status.RUNNING
    keeps_null = frozenset({"input"})
    agent_id: Id | None = None
    input: Any = None


class NodeRetrying(NodeData):
    """The node failed and is tried again; `attempt` is the new one, and required."""

    event_type = "node.retrying"
    status = Status.RETRYING
    attempt: Attempt
    error: Error | None = None


class NodeCompleted(NodeData):
    """The node ended well."""

    event_type = "node.completed"
    status = Status.COMPLETED
    keeps_null = frozenset({"output"})
    output: Any = None
    state: dict[str, Any] | None = None
    usage: Usage | None = None


class NodeFailed(NodeData):
    """The node ended with an error."""

    event_type = "node.failed"
    status = Status.FAILED
    error: Error
    state: dict[str, Any] | None = None
    usage: Usage | None = None


class NodeSkipped(NodeData):
    """The node was left out."""

    event_type = "node.skipped"
    status = Status.SKIPPED
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    id: str
    status: str
    attempt: int
    workflow_id: str | None
    workspace_id: str | None
    sandbox_id: str | None
    agent_id: str | None
    user_id: str | None
    parent_execution_id: str | None
    retry_of: str | None
    mode: str | None
    trigger_type: str | None
    input: Any
    output: Any
    error: dict[str, Any] | None
    reason: str | None
    usage: dict[str, Any] | None
    initial_state: dict[str, Any] | None
    current_state: dict[str, Any] | None
    final_state: dict[str, Any] | None
    iterations: int | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    took_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionLog:
    """One run of a node."""

    execution_id: str
    node: str
    iteration: int
    attempt: int
    status: str
    agent_id: str | None
    input: Any
    output: Any
    error: dict[str, Any] | None
    reason: str | None
    usage: dict[str, Any] | None
    state: dict[str, Any] | None
    started_at: datetime | None
    finished_at: datetime | None
    took_seconds: float | None


EVENTS: Final = (
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
)
