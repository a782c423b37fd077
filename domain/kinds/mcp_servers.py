"""MCP servers, which offer tools to agents: statuses, events and the record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal, get_args

from flowledger.domain.kinds.base import (
    Deleted,
    Described,
    Error,
    Governed,
    Reasoned,
    Restored,
)
from flowledger.domain.kinds.fields import Count, Id, Name
from flowledger.domain.kinds.unclassified import UnclassifiedObject, UnclassifiedText, UnclassifiedTexts

__all__ = [
    "McpServerConnected",
    "McpServerCreated",
    "McpServerDeleted",
    "McpServerDisconnected",
    "McpServerFailed",
    "McpServerRestored",
    "McpServerUpdated",
]

Transport = Literal["stdio", "http", "sse", "streamable-http"]
TRANSPORTS: Final[tuple[str, ...]] = get_args(Transport)


class McpServerStatus(StrEnum):
    """Whether an MCP server can be reached. There are no ranks: the last report counts."""

    DISCONNECTED = "disconnected"
    CONNECTED = "connected"
    ERROR = "error"


class _Description(Described, Governed):
    name: Name | None = None
    description: str | None = None
    workspace_id: Id | None = None
    user_id: Id | None = None
    transport: Transport | None = None
    command: str | None = None
    args: UnclassifiedTexts | None = None
    url: UnclassifiedText | None = None
    headers: UnclassifiedObject | None = None
    env: UnclassifiedObject | None = None
    version: str | None = None


class McpServerCreated(_Description):
    """A server of the Model Context Protocol exists."""

    event_type = "mcp_server.created"
    status = McpServerStatus.DISCONNECTED


class McpServerUpdated(_Description):
    """Fields of its description change."""

    event_type = "mcp_server.updated"
    keeps_null = _Description.described_fields()


class McpServerConnected(Governed):
    """It can be reached, and offers this number of tools."""

    event_type = "mcp_server.connected"
    status = McpServerStatus.CONNECTED
    tool_count: Count | None = None


class McpServerDisconnected(Reasoned, Governed):
    """It is not connected."""

    event_type = "mcp_server.disconnected"
    status = McpServerStatus.DISCONNECTED


class McpServerFailed(Governed):
    """It cannot be reached because of an error."""

    event_type = "mcp_server.failed"
    status = McpServerStatus.ERROR
    error: Error


class McpServerDeleted(Deleted, Governed):
    event_type = "mcp_server.deleted"


class McpServerRestored(Restored, Governed):
    event_type = "mcp_server.restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class McpServer:
    """An MCP server; `tool_count`, `error` and `reason` are of the report that counts, `status_at` is its time."""

    id: str
    status: str
    name: str | None
    description: str | None
    workspace_id: str | None
    user_id: str | None
    transport: str | None
    command: str | None
    args: list[str] | None
    url: str | None
    headers: dict[str, Any] | None
    env: dict[str, Any] | None
    version: str | None
    tool_count: int | None
    error: dict[str, Any] | None
    reason: str | None
    created_at: datetime
    updated_at: datetime
    status_at: datetime | None
    deleted_at: datetime | None


EVENTS: Final = (
    McpServerCreated,
    McpServerUpdated,
    McpServerConnected,
    McpServerDisconnected,
    McpServerFailed,
    McpServerDeleted,
    McpServerRestored,
)
