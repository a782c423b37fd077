"""Knowledge, which agents have gained: events and the record. It has no status."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from flowledger.domain.kinds.base import Deleted, Described, Restored
from flowledger.domain.kinds.fields import Fraction, Id, Name, Tags

__all__ = [
    "KnowledgeCreated",
    "KnowledgeDeleted",
    "KnowledgeRestored",
    "KnowledgeUpdated",
]


class _Description(Described):
    title: str | None = None
    content: str | None = None
    kind: Name | None = None
    agent_id: Id | None = None
    workspace_id: Id | None = None
    user_id: Id | None = None
    execution_id: Id | None = None
    tags: Tags | None = None
    confidence: Fraction | None = None
    data: dict[str, Any] | None = None


class KnowledgeCreated(_Description):
    """Something that an agent learned."""

    event_type = "knowledge.created"


class KnowledgeUpdated(_Description):
    """Fields of it change."""

    event_type = "knowledge.updated"
    keeps_null = _Description.described_fields()


class KnowledgeDeleted(Deleted):
    event_type = "knowledge.deleted"


class KnowledgeRestored(Restored):
    event_type = "knowledge.restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """A piece of knowledge; `confidence` is a number from 0 to 1."""

    id: str
    title: str | None
    content: str | None
    kind: str | None
    agent_id: str | None
    workspace_id: str | None
    user_id: str | None
    execution_id: str | None
    tags: list[str] | None
    confidence: float | None
    data: dict[str, Any] | None
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None


EVENTS: Final = (
    KnowledgeCreated,
    KnowledgeUpdated,
    KnowledgeDeleted,
    KnowledgeRestored,
)
