"""Workflows and their versions: statuses, events, records, and what is wrong with a definition."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import Field

from flowledger.domain.kinds.base import (
    INT64_MAX,
    Deleted,
    Described,
    EventData,
    Id,
    Name,
    Reasoned,
    Restored,
    Tags,
)

Visibility = Literal["public", "private"]
VISIBILITIES: Final[tuple[str, ...]] = get_args(Visibility)
Version = Annotated[int, Field(ge=1, le=INT64_MAX)]

MOST_PROBLEMS: Final = 100
"""Problems of a definition that are kept: a definition of a megabyte may have a hundred thousand."""

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
    """Whether a workflow is in use. There are no ranks: the last report stands."""

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
    event_type = "workflow.created"
    status = WorkflowStatus.DRAFT


class WorkflowUpdated(_Description):
    event_type = "workflow.updated"
    keeps_null = _Description.described_fields()


class WorkflowVersioned(EventData):
    """A version, which no later event changes."""

    event_type = "workflow.versioned"
    version: Version
    definition: dict[str, Any]
    user_id: Id | None = None
    note: str | None = None


class WorkflowPublished(EventData):
    event_type = "workflow.published"
    status = WorkflowStatus.PUBLISHED
    version: Version | None = None


class WorkflowArchived(Reasoned):
    event_type = "workflow.archived"
    status = WorkflowStatus.ARCHIVED


class WorkflowWithdrawn(Reasoned):
    event_type = "workflow.withdrawn"
    status = WorkflowStatus.DRAFT


class WorkflowDeleted(Deleted):
    event_type = "workflow.deleted"


class WorkflowRestored(Restored):
    event_type = "workflow.restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """A workflow; `published_version` is what the report that stands says, `latest_version` the greatest there is."""

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
    """A version of a workflow; `problems` are what `problems_of` finds in its definition."""

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


def problems_of(definition: dict[str, Any]) -> list[dict[str, str]] | None:
    """Return what is wrong with a definition, as `{"path", "what"}`; None if nothing is (CONTRACT-RECORDS §1).

    Nothing of it is refused: a history keeps what was there. After `MOST_PROBLEMS` the last one says that there are
    more.
    """
    problems = [{"path": path, "what": what} for path, what in islice(_problems(definition), MOST_PROBLEMS + 1)]
    if len(problems) > MOST_PROBLEMS:
        problems[MOST_PROBLEMS] = {"path": "", "what": f"has more problems than the {MOST_PROBLEMS} told here"}
    return problems or None


def _problems(definition: dict[str, Any]) -> Iterator[tuple[str, str]]:
    ids: set[str] = set()
    if "nodes" in definition:
        yield from _problems_of_nodes(definition["nodes"], ids)
    if "edges" in definition:
        yield from _problems_of_edges(definition["edges"], ids)


def _problems_of_nodes(nodes: Any, ids: set[str]) -> Iterator[tuple[str, str]]:
    """Problems of the nodes; collects their ids."""
    if not isinstance(nodes, list):
        yield "nodes", "must be a list"
        return
    for place, node in enumerate(nodes):
        id_ = node.get("id") if isinstance(node, dict) else None
        if not isinstance(node, dict):
            yield f"nodes.{place}", "must be an object"
        elif not isinstance(id_, str) or not id_:
            yield f"nodes.{place}.id", "must be a text that is not empty"
        elif id_ in ids:
            yield f"nodes.{place}.id", f"is the id of an earlier node: {_told(id_)}"
        else:
            ids.add(id_)


def _problems_of_edges(edges: Any, ids: set[str]) -> Iterator[tuple[str, str]]:
    if not isinstance(edges, list):
        yield "edges", "must be a list"
        return
    for place, edge in enumerate(edges):
        if not isinstance(edge, dict):
            yield f"edges.{place}", "must be an object"
            continue
        for end in ("source", "target"):
            id_ = edge.get(end)
            if not isinstance(id_, str):
                yield f"edges.{place}.{end}", "must be the id of a node"
            elif id_ not in ids:
                yield f"edges.{place}.{end}", f"is no node's id: {_told(id_)}"


def _told(id_: str) -> str:
    return ascii(id_)[:100]
