"""Workspaces: table, writes, look-ups."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Table, Text

from flowledger.domain import events as say
from flowledger.domain.kinds.workspaces import Workspace, WorkspaceStatus
from flowledger.storage.kinds.kind import Kind, Listed
from flowledger.storage.kinds.parts import Subject
from flowledger.storage.kinds.sandboxes import SandboxRepository
from flowledger.storage.repository import SubjectRepository
from flowledger.storage.schema.columns import (
    ROOM_FOR_UPDATES,
    description_keys,
    indexes,
    key,
    metadata,
    short_name,
    status,
)
from flowledger.storage.schema.types import Json, Name, UtcTime

TABLE: Final = Table(
    "workspaces",
    metadata,
    Column("id", Name, primary_key=True),
    *status(WorkspaceStatus, "workspace_status"),
    *short_name(),
    Column("description", Text),
    Column("user_id", Name),
    Column("settings", Json),
    Column("reason", Text),
    Column("created_at", UtcTime, nullable=False),
    Column("archived_at", UtcTime),
    key("status_key"),
    key("created_at_key", least=True),
    *description_keys(),
    *indexes("workspaces", "name", "user_id", "status"),
    **ROOM_FOR_UPDATES,
)

WORKSPACE: Final = Subject(TABLE, say.WorkspaceCreated, "reason", times={"archived_at": {WorkspaceStatus.ARCHIVED}})


class WorkspaceRepository(SubjectRepository[Workspace]):
    table = TABLE
    record = Workspace
    listed_by = ("user_id", "status")
    has_names = True


KIND: Final = Kind(
    "workspace",
    tables=(TABLE,),
    repository=WorkspaceRepository,
    events={
        say.WorkspaceCreated: (WORKSPACE.create,),
        say.WorkspaceUpdated: (WORKSPACE.update,),
        say.WorkspaceArchived: (WORKSPACE.report,),
    },
    lists=(Listed("sandboxes", SandboxRepository, SandboxRepository.of_workspace, "workspace_id"),),
)
