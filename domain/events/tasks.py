"""Events of tasks."""

from __future__ import annotations

from typing import Any

from flowledger.domain.events.base import (
    Described,
    Error,
    EventData,
    Fraction,
    Id,
    Int,
    Logged,
    Queued,
    Reasoned,
    Retrying,
    TimedOut,
)
from flowledger.domain.statuses import Status


class _TaskDescription(Described):
    name: str | None = None
    kind: str | None = None
    execution_id: Id | None = None
    parent_task_id: Id | None = None
    retry_of: str | None = None
    workspace_id: Id | None = None
    sandbox_id: Id | None = None
    agent_id: Id | None = None
    user_id: Id | None = None
    priority: Int | None = None
    input: Any = None


class TaskCreated(_TaskDescription):
    event_type = "task.created"
    status = Status.PENDING


class TaskUpdated(_TaskDescription):
    event_type = "task.updated"
    keeps_null = _TaskDescription.described_fields()


class TaskQueued(Queued):
    event_type = "task.queued"


class TaskStarted(EventData):
    event_type = "task.started"
    status = Status.RUNNING
    worker: str | None = None


class TaskProgressed(EventData):
    event_type = "task.progressed"
    progress: Fraction
    message: str | None = None


class TaskRetrying(Retrying):
    event_type = "task.retrying"


class TaskCompleted(EventData):
    event_type = "task.completed"
    status = Status.COMPLETED
    keeps_null = frozenset({"output"})
    output: Any = None
    usage: dict[str, Any] | None = None


class TaskFailed(EventData):
    event_type = "task.failed"
    status = Status.FAILED
    error: Error
    usage: dict[str, Any] | None = None


class TaskCancelled(Reasoned):
    event_type = "task.cancelled"
    status = Status.CANCELLED


class TaskSkipped(Reasoned):
    event_type = "task.skipped"
    status = Status.SKIPPED


class TaskTimedOut(TimedOut):
    event_type = "task.timed_out"


class TaskLogged(Logged):
    event_type = "task.logged"
