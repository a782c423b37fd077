"""Tasks: events and the record."""

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
from flowledger.domain.kinds.fields import Fraction, Id, Int, Usage
from flowledger.domain.statuses import Status

__all__ = [
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


class _TaskDescription(Described):
    belongs_to = ("execution_id",)
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
    """A unit of work exists, and waits."""

    event_type = "task.created"
    begins_part = True
    status = Status.PENDING


class TaskUpdated(_TaskDescription):
    """Fields of its description change."""

    event_type = "task.updated"
    keeps_null = _TaskDescription.described_fields()


class TaskQueued(Queued):
    """It waits in a queue for a worker."""

    event_type = "task.queued"


class TaskStarted(EventData):
    """A worker works on it."""

    event_type = "task.started"
    status = Status.RUNNING
    worker: str | None = None


class TaskProgressed(EventData):
    """How far it is."""

    event_type = "task.progressed"
    progress: Fraction
    message: str | None = None


class TaskRetrying(Retrying):
    """It failed and is tried again; `attempt` is the new one, and required."""

    event_type = "task.retrying"


class TaskCompleted(EventData):
    """It ended well."""

    event_type = "task.completed"
    status = Status.COMPLETED
    keeps_null = frozenset({"output"})
    output: Any = None
    usage: Usage | None = None


class TaskFailed(EventData):
    """It ended with an error."""

    event_type = "task.failed"
    status = Status.FAILED
    error: Error
    usage: Usage | None = None


class TaskCancelled(Reasoned):
    """Somebody ended it."""

    event_type = "task.cancelled"
    status = Status.CANCELLED


class TaskSkipped(Reasoned):
    """It was left out."""

    event_type = "task.skipped"
    status = Status.SKIPPED


class TaskTimedOut(TimedOut):
    """It ended because it took too long."""

    event_type = "task.timed_out"


class TaskLogged(Logged):
    """A line of its log."""

    event_type = "task.logged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A unit of work of a platform; not a Celery task."""

    id: str
    status: str
    attempt: int
    name: str | None
    kind: str | None
    execution_id: str | None
    parent_task_id: str | None
    retry_of: str | None
    workspace_id: str | None
    sandbox_id: str | None
    agent_id: str | None
    user_id: str | None
    priority: int | None
    input: Any
    worker: str | None
    output: Any
    error: dict[str, Any] | None
    reason: str | None
    usage: dict[str, Any] | None
    progress: float | None
    progress_message: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    took_seconds: float | None


EVENTS: Final = (
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
)
