"""Workspaces, to which sandboxes belong: statuses, events and the record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from flowledger.domain.kinds.base import Described, Reasoned
from flowledger.domain.kinds.fields import Id, ShortName

__all__ = [
    "WorkspaceArchived",
    "WorkspaceCreated",
    "WorkspaceUpdated",
]


class WorkspaceStatus(StrEnum):
    """The status of a workspace. There are no ranks: the last report counts."""

    ACTIVE = "active"
    ARCHIVED = "archived"


class _WorkspaceDescription(Described):
    name: ShortName | None = None
    description: str | None = None
    user_id: Id | None = None
    settings: dict[str, Any] | None = None


class WorkspaceCreated(_WorkspaceDescription):
    """A workspace, to which sandboxes may belong, exists."""

    event_type = "workspace.created"
    status = WorkspaceStatus.ACTIVE


class WorkspaceUpdated(_WorkspaceDescription):
    """Fields of its description change."""

    event_type = "workspace.updated"
    keeps_null = _WorkspaceDescription.described_fields()


class WorkspaceArchived(Reasoned):
    """It is no longer in use. Its sandboxes do not change."""

    event_type = "workspace.archived"
    status = WorkspaceStatus.ARCHIVED


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    id: str
    status: str
    name: str | None
    description: str | None
    user_id: str | None
    settings: dict[str, Any] | None
    reason: str | None
    created_at: datetime
    archived_at: datetime | None


EVENTS: Final = (
    WorkspaceCreated,
    WorkspaceUpdated,
    WorkspaceArchived,
)
