"""Workflows and their versions: statuses, events, records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import Field

from flowledger.domain.kinds.base import (
    Deleted,
    Described,
    EventData,
    Reasoned,
    Restored,
)
from flowledger.domain.kinds.fields import INT64_MAX, Id, Name, Tags

Visibility = Literal["public", "private"]
VISIBILITIES: Final[tuple[str, ...]] = get_args(Visibility)
Version = Annotated[int, Field(ge=1, le=INT64_MAX)]

__all__ = [
    "WorkflowArchived",
    "WorkflowCreated",
    "WorkflowDeleted",
    "WorkflowPublished",
    "WorkflowRestored",
    "WorkflowUpdated",
    "WorkflowVersioned",
    "WorkflowWithdrawn",
]


class WorkflowStatus(StrEnum):
    """Whether a workflow is in use. There are no ranks: the last report counts."""

    DRAFT = "draft"
    PUBLISHED = "published"
    ARCHIVED = "archived"


class _Description(Described):
    name: Name | None = None
    description: str | None = None
    workspace_id: Id | None = None
    user_id: Id | None = None
    visibility: Visibility | None = None
    tags: Tags | None = None
    settings: dict[str, Any] | None = None


class WorkflowCreated(_Description):
    """A workflow exists; `workflow.versioned` has what it does."""

    event_type = "workflow.created"
    status = WorkflowStatus.DRAFT


class WorkflowUpdated(_Description):
    """Fields of its description change."""

    event_type = "workflow.updated"
    keeps_null = _Description.described_fields()


class WorkflowVersioned(EventData):
    """A new version: a graph of nodes and edges, which no later event changes."""

    event_type = "workflow.versioned"
    version: Version
    definition: dict[str, Any]
    user_id: Id | None = None
    note: str | None = None


class WorkflowPublished(EventData):
    """It is in use, in this version."""

    event_type = "workflow.published"
    status = WorkflowStatus.PUBLISHED
    version: Version | None = None


class WorkflowArchived(Reasoned):
    """It is no longer in use."""

    event_type = "workflow.archived"
    status = WorkflowStatus.ARCHIVED


class WorkflowWithdrawn(Reasoned):
    """It is a draft again."""

    event_type = "workflow.withdrawn"
    status = WorkflowStatus.DRAFT


class WorkflowDeleted(Deleted):
    event_type = "workflow.deleted"


class WorkflowRestored(Restored):
    event_type = "workflow.restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """A workflow; `published_version` is that of the report that counts, `latest_version` the greatest recorded."""

    id: str
    status: str
    name: str | None
    description: str | None
    workspace_id: str | None
    user_id: str | None
    visibility: str | None
    tags: list[str] | None
    settings: dict[str, Any] | None
    latest_version: int | None
    published_version: int | None
    reason: str | None
    created_at: datetime
    updated_at: datetime
    status_at: datetime | None
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowVersion:
    """A version of a workflow; `problems` are those that `domain.definitions` finds in its definition."""

    workflow_id: str
    version: int
    definition: dict[str, Any]
    problems: list[dict[str, str]] | None
    user_id: str | None
    note: str | None
    created_at: datetime


EVENTS: Final = (
    WorkflowCreated,
    WorkflowUpdated,
    WorkflowVersioned,
    WorkflowPublished,
    WorkflowArchived,
    WorkflowWithdrawn,
    WorkflowDeleted,
    WorkflowRestored,
)


def copy_of(workflow: Workflow, version: WorkflowVersion, **changes: Any) -> tuple[WorkflowCreated, WorkflowVersioned]:
    """Return the data of the two events that copy a workflow, with this version as the first of the copy.

    Publish both with the id of the new workflow as subject. `changes` are fields of the new description.
    """
    described = {name: getattr(workflow, name) for name in _Description.described_fields()}
    given = {name: value for name, value in (described | changes).items() if value is not None}
    note = f"a copy of version {version.version} of {workflow.id}"
    return WorkflowCreated(**given), WorkflowVersioned(version=1, definition=version.definition, note=note)
