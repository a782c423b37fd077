"""Sandboxes, in which agents live: table, writes, look-ups."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import Column, RowMapping, Table, Text, bindparam, select, tuple_

from flowledger.domain import events as say
from flowledger.domain.kinds.sandboxes import Sandbox, SandboxStatus
from flowledger.storage.kinds.kind import Kind
from flowledger.storage.kinds.parts import Subject, described_by
from flowledger.storage.paging import Page
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
    "sandboxes",
    metadata,
    Column("id", Name, primary_key=True),
    *status(SandboxStatus, "sandbox_status"),
    Column("workspace_id", Name),
    *short_name(),
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
    *description_keys(),
    *indexes("sandboxes", "name", "workspace_id", "user_id", "status"),
    **ROOM_FOR_UPDATES,
)

SANDBOX: Final = Subject(TABLE, say.SandboxCreated, "error", "reason", times={"status_at": None})


class Membership(NamedTuple):
    """A sandbox of a workspace, and the event that reported it, by source and id."""

    workspace_id: str
    created_at: datetime
    sandbox_id: str
    said_by: tuple[str, str]


class SandboxRepository(SubjectRepository[Sandbox]):
    table = TABLE
    record = Sandbox
    listed_by = ("workspace_id", "user_id", "status")
    told_by = ("agent_id", "error", "reason")
    has_names = True

    def of_workspace(
        self, workspace_id: str, *, limit: int = 50, offset: int = 0, after: str | None = None
    ) -> Page[Sandbox]:
        """Return a page of the sandboxes of a workspace, newest first."""
        return self.newest(workspace_id=workspace_id, limit=limit, offset=offset, after=after)

    def of_workspaces(self, workspace_ids: Iterable[str], *, limit_each: int = 10) -> dict[str, Page[Sandbox]]:
        """Return the first page of each of several workspaces, as `of_workspace` does, by one query."""
        return self._of_each("workspace_id", workspace_ids, self._by_age(True), limit_each)

    def memberships(self, workspace_id: str | None, after: Membership | None, limit: int) -> list[Membership]:
        """Return the members of a workspace, or of all: by workspace, oldest first, those after `after`."""
        of_workspace, *_ = place = (TABLE.c.workspace_id, TABLE.c.created_at, TABLE.c.id)
        statement = select(*place, TABLE.c.description_key, TABLE.c.description_keys).order_by(*place).limit(limit)
        statement = statement.where(of_workspace.is_not(None) if workspace_id is None else of_workspace == workspace_id)
        if after is not None:
            values = (bindparam(None, value, column.type) for value, column in zip(after, place, strict=False))
            statement = statement.where(tuple_(*place) > tuple_(*values))
        rows = self.connection.execute(statement)
        return [Membership(*row[:3], _said_by(row._mapping)) for row in rows]


KIND: Final = Kind(
    "sandbox",
    tables=(TABLE,),
    repository=SandboxRepository,
    events={
        say.SandboxCreated: (SANDBOX.create,),
        say.SandboxUpdated: (SANDBOX.update,),
        say.SandboxProvisioning: (SANDBOX.report,),
        say.SandboxStarting: (SANDBOX.report,),
        say.SandboxStarted: (SANDBOX.start,),
        say.SandboxStopping: (SANDBOX.report,),
        say.SandboxStopped: (SANDBOX.report,),
        say.SandboxFailed: (SANDBOX.report,),
    },
)


def _said_by(row: RowMapping) -> tuple[str, str]:
    return described_by(SANDBOX.description.owner("workspace_id", row))
