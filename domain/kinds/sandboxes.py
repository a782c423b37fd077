"""Sandboxes, in which agents live: statuses, events and the record. Agents register their sandbox with these events.

The bounds of a sandbox's fields are those of the platforms whose records these are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from flowledger.domain.kinds.base import (
    Described,
    Error,
    EventData,
    Part,
    Reasoned,
)
from flowledger.domain.kinds.fields import INT64_MAX, Amount, Count, Id, ShortName, Time, as_double
from flowledger.domain.kinds.unclassified import Unclassified

__all__ = [
    "AgentConfig",
    "Connection",
    "Health",
    "ResourceLimits",
    "SandboxCreated",
    "SandboxFailed",
    "SandboxProvisioning",
    "SandboxStarted",
    "SandboxStarting",
    "SandboxStopped",
    "SandboxStopping",
    "SandboxUpdated",
]


class SandboxStatus(StrEnum):
    """The status of a sandbox, which may return to an earlier one: there are no ranks."""

    PROVISIONING = "provisioning"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    ERROR = "error"


def _tool(value: object) -> object:
    if isinstance(value, str | dict):
        return value
    raise ValueError("must be the name of a tool, or an object that describes it")


Tool = Annotated[
    Any,
    AfterValidator(_tool),
    WithJsonSchema(
        {
            "title": "Tool",
            "description": "The name of a tool, or an object that describes it.",
            "type": ["string", "object"],
        }
    ),
]
Temperature = Annotated[float, Field(ge=0, le=2), BeforeValidator(as_double)]
Tokens = Annotated[int, Field(ge=1, le=INT64_MAX)]
Port = Annotated[int, Field(ge=1, le=65_535)]


class AgentConfig(Unclassified):
    """The configuration of the agent in a sandbox."""

    model: str | None = None
    provider: str | None = None
    temperature: Temperature | None = None
    max_tokens: Tokens | None = None
    system_prompt: str | None = None
    tools: list[Tool] | None = None


class ResourceLimits(Part):
    """The most resources that a sandbox may use; `cpu` is a number of cores, perhaps with a fraction."""

    cpu: Amount | None = None
    memory_bytes: Count | None = None
    disk_bytes: Count | None = None
    timeout_seconds: Amount | None = None
    idle_timeout_seconds: Amount | None = None


class Connection(Unclassified):
    """The address of a sandbox."""

    host: str | None = None
    port: Port | None = None
    url: str | None = None
    protocol: str | None = None


class Health(Part):
    """The result of the last check of a sandbox; `status` is the platform's own word."""

    status: str | None = None
    checked_at: Time | None = None
    message: str | None = None


class _SandboxDescription(Described):
    workspace_id: Id | None = None
    name: ShortName | None = None
    description: str | None = None
    agent_id: Id | None = None
    user_id: Id | None = None
    container_id: Id | None = None
    agent_config: AgentConfig | None = None
    resource_limits: ResourceLimits | None = None
    connection: Connection | None = None
    health: Health | None = None


class SandboxCreated(_SandboxDescription):
    """A sandbox, in which an agent lives, exists; it has a mailbox."""

    event_type = "sandbox.created"
    moves = True
    status = SandboxStatus.PROVISIONING


class SandboxUpdated(_SandboxDescription):
    """Fields of its description change."""

    event_type = "sandbox.updated"
    moves = True
    keeps_null = _SandboxDescription.described_fields()


class SandboxProvisioning(EventData):
    """Its place is prepared."""

    event_type = "sandbox.provisioning"
    status = SandboxStatus.PROVISIONING


class SandboxStarting(EventData):
    """It starts."""

    event_type = "sandbox.starting"
    status = SandboxStatus.STARTING


class SandboxStarted(EventData):
    """It runs."""

    event_type = "sandbox.started"
    status = SandboxStatus.RUNNING


class SandboxStopping(Reasoned):
    """It is about to stop."""

    event_type = "sandbox.stopping"
    status = SandboxStatus.STOPPING


class SandboxStopped(Reasoned):
    """It does not run, and may start again."""

    event_type = "sandbox.stopped"
    status = SandboxStatus.STOPPED


class SandboxFailed(EventData):
    """It does not run because of an error."""

    event_type = "sandbox.failed"
    status = SandboxStatus.ERROR
    error: Error


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A sandbox, in which an agent lives: it has a mailbox. `status_at` is the time of the report that counts."""

    id: str
    status: str
    workspace_id: str | None
    name: str | None
    description: str | None
    agent_id: str | None
    user_id: str | None
    container_id: str | None
    agent_config: dict[str, Any] | None
    resource_limits: dict[str, Any] | None
    connection: dict[str, Any] | None
    health: dict[str, Any] | None
    error: dict[str, Any] | None
    reason: str | None
    created_at: datetime
    started_at: datetime | None
    status_at: datetime | None


EVENTS: Final = (
    SandboxCreated,
    SandboxUpdated,
    SandboxProvisioning,
    SandboxStarting,
    SandboxStarted,
    SandboxStopping,
    SandboxStopped,
    SandboxFailed,
)
