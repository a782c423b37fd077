"""Collaborations of agents: events and the record. Their statuses have the ranks of executions and tasks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from flowledger.domain.kinds.base import (
    Deleted,
    Described,
    Error,
    EventData,
    Reasoned,
    Restored,
)
from flowledger.domain.kinds.fields import Fraction, Id, Name
from flowledger.domain.statuses import Status

__all__ = [
    "CollaborationCancelled",
    "CollaborationCompleted",
    "CollaborationCreated",
    "CollaborationDeleted",
    "CollaborationFailed",
    "CollaborationProgressed",
    "CollaborationRestored",
    "CollaborationStarted",
    "CollaborationUpdated",
]

STATUSES: Final = (Status.PENDING, Status.RUNNING, Status.COMPLETED, Status.FAILED, Status.CANCELLED)
"""The statuses of a collaboration, the first one until another is reported."""


class _Description(Described):
    name: Name | None = None
    description: str | None = None
    workspace_id: Id | None = None
    user_id: Id | None = None
    coordinator_id: Id | None = None
    member_ids: list[Id] | None = None
    execution_ids: list[Id] | None = None
    mode: str | None = None
    goal: Any = None
    policy: dict[str, Any] | None = None


class CollaborationCreated(_Description):
    """Work that several agents or sandboxes do together exists, and waits."""

    event_type = "collaboration.created"
    status = Status.PENDING


class CollaborationUpdated(_Description):
    """Fields of its description change."""

    event_type = "collaboration.updated"
    keeps_null = _Description.described_fields()


class CollaborationStarted(EventData):
    """They work."""

    event_type = "collaboration.started"
    status = Status.RUNNING


class CollaborationProgressed(EventData):
    """How far they are."""

    event_type = "collaboration.progressed"
    progress: Fraction
    message: str | None = None


class CollaborationCompleted(EventData):
    """It ended well."""

    event_type = "collaboration.completed"
    status = Status.COMPLETED
    keeps_null = frozenset({"output"})
    output: Any = None


class CollaborationFailed(EventData):
    """It ended with an error."""

    event_type = "collaboration.failed"
    status = Status.FAILED
    error: Error


class CollaborationCancelled(Reasoned):
    """Somebody ended it."""

    event_type = "collaboration.cancelled"
    status = Status.CANCELLED


class CollaborationDeleted(Deleted):
    event_type = "collaboration.deleted"


class CollaborationRestored(Restored):
    event_type = "collaboration.restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collaboration:
    """A collaboration of agents: its members are the `coordinator_id` and the `member_ids`."""

    id: str
    status: str
    attempt: int
    name: str | None
    description: str | None
    workspace_id: str | None
    user_id: str | None
    coordinator_id: str | None
    member_ids: list[str] | None
    execution_ids: list[str] | None
    mode: str | None
    goal: Any
    policy: dict[str, Any] | None
    output: Any
    error: dict[str, Any] | None
    reason: str | None
    progress: float | None
    progress_message: str | None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    deleted_at: datetime | None


EVENTS: Final = (
    CollaborationCreated,
    CollaborationUpdated,
    CollaborationStarted,
    CollaborationProgressed,
    CollaborationCompleted,
    CollaborationFailed,
    CollaborationCancelled,
    CollaborationDeleted,
    CollaborationRestored,
)
