"""Agents and their capabilities, apart from the sandboxes they run in. Statuses, events and the record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from flowledger.domain.kinds.base import (
    Deleted,
    Described,
    Reasoned,
    Restored,
)
from flowledger.domain.kinds.fields import Id, Name, Tags
from flowledger.domain.kinds.sandboxes import AgentConfig

__all__ = [
    "AgentActivated",
    "AgentCreated",
    "AgentDeleted",
    "AgentRestored",
    "AgentRetired",
    "AgentUpdated",
]


class AgentStatus(StrEnum):
    """Whether an agent is in use. There are no ranks: the last report counts."""

    ACTIVE = "active"
    RETIRED = "retired"


class _Description(Described):
    name: Name | None = None
    description: str | None = None
    kind: Name | None = None
    version: str | None = None
    workspace_id: Id | None = None
    user_id: Id | None = None
    capabilities: Tags | None = None
    agent_config: AgentConfig | None = None


class AgentCreated(_Description):
    """An agent exists, with what it can do and how it is configured."""

    event_type = "agent.created"
    status = AgentStatus.ACTIVE


class AgentUpdated(_Description):
    """Fields of its description change."""

    event_type = "agent.updated"
    keeps_null = _Description.described_fields()


class AgentActivated(Reasoned):
    """It is in use."""

    event_type = "agent.activated"
    status = AgentStatus.ACTIVE


class AgentRetired(Reasoned):
    """It is no longer in use."""

    event_type = "agent.retired"
    status = AgentStatus.RETIRED


class AgentDeleted(Deleted):
    event_type = "agent.deleted"


class AgentRestored(Restored):
    event_type = "agent.restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """An agent; `status_at` is the time of the report that counts."""

    id: str
    status: str
    name: str | None
    description: str | None
    kind: str | None
    version: str | None
    workspace_id: str | None
    user_id: str | None
    capabilities: list[str] | None
    agent_config: dict[str, Any] | None
    reason: str | None
    created_at: datetime
    updated_at: datetime
    status_at: datetime | None
    deleted_at: datetime | None


EVENTS: Final = (
    AgentCreated,
    AgentUpdated,
    AgentActivated,
    AgentRetired,
    AgentDeleted,
    AgentRestored,
)
