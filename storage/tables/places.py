"""Where agents live: workspaces, and the sandboxes in them."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Column, Index, Table, Text

from flowledger.domain.statuses import SandboxStatus, WorkspaceStatus
from flowledger.storage.tables.columns import ROOM_FOR_UPDATES, key, keys, metadata, ruled, status
from flowledger.storage.tables.types import Json, Name, UtcTime


def _name() -> list[Any]:
    return ruled("name", "short_name", Text(), "length({}) BETWEEN 1 AND 255")


workspaces: Final = Table(
    "workspaces",
    metadata,
    Column("id", Name, primary_key=True),
    *status(WorkspaceStatus, "workspace_status"),
    *_name(),
    Column("description", Text),
    Column("user_id", Name),
    Column("settings", Json),
    Column("reason", Text),
    Column("created_at", UtcTime, nullable=False),
    Column("archived_at", UtcTime),
    key("status_key"),
    key("created_at_key", least=True),
    *keys("workspaces"),
    Index("ix_workspaces_user_id", "user_id", "created_at", "id"),
    Index("ix_workspaces_status", "status", "created_at", "id"),
    Index("ix_workspaces_created_at", "created_at", "id"),
    **ROOM_FOR_UPDATES,
)

sandboxes: Final = Table(
    "sandboxes",
    metadata,
    Column("id", Name, primary_key=True),
    *status(SandboxStatus, "sandbox_status"),
    Column("workspace_id", Name),
    *_name(),
    Column("description", Text),
    Column("agent_id", Name),
    Column("user_id", Name),
    Column("container_id", Name),
    Column("agent_config", Json),
    Column("resource_limits", Json),
    Column("connection", Json),
    Column("health", Json),
    Column("error", Json),
    Column("reason", Text),
    Column("created_at", UtcTime, nullable=False),
    Column("started_at", UtcTime),
    Column("status_at", UtcTime),
    key("status_key"),
    key("created_at_key", least=True),
    key("started_at_key", least=True),
    *keys("sandboxes"),
    Index("ix_sandboxes_workspace_id", "workspace_id", "created_at", "id"),
    Index("ix_sandboxes_status", "status", "created_at", "id"),
    Index("ix_sandboxes_created_at", "created_at", "id"),
    **ROOM_FOR_UPDATES,
)
