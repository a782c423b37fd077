"""Workspaces, and the sandboxes in them."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, select, tuple_

from flowledger.domain.envelope import Event
from flowledger.domain.records import Sandbox, Workspace
from flowledger.domain.statuses import SandboxStatus, WorkspaceStatus
from flowledger.storage import tables
from flowledger.storage.groups import SANDBOX_STATUS, WORKSPACE_STATUS
from flowledger.storage.paging import Order, Page
from flowledger.storage.repositories import base
from flowledger.storage.repositories.base import Repository
from flowledger.storage.writes import Write

_TABLE = tables.workspaces
_SANDBOXES = tables.sandboxes

NEWEST_FIRST = Order((_TABLE.c.created_at, _TABLE.c.id), descending=True)
NEWEST_SANDBOX_FIRST = Order((_SANDBOXES.c.created_at, _SANDBOXES.c.id), descending=True)


class Membership(NamedTuple):
    """A sandbox of a workspace, and the event that says so, by source and id."""

    workspace_id: str
    created_at: datetime
    sandbox_id: str
    said_by: tuple[str, str]


class WorkspaceRepository(Repository[Workspace]):
    table = _TABLE
    record = Workspace

    @staticmethod
    def create(event: Event, recorded_at: str) -> Write:
        write = base.mention(_TABLE, event, recorded_at, creates=True)
        base.report_in_order(write, WORKSPACE_STATUS, event)
        return base.describe(write, event, updates=False)

    @staticmethod
    def update(event: Event, recorded_at: str) -> Write:
        return base.describe(base.mention(_TABLE, event, recorded_at), event, updates=True)

    @staticmethod
    def archive(event: Event, recorded_at: str) -> Write:
        write = base.mention(_TABLE, event, recorded_at)
        return base.report_in_order(write, WORKSPACE_STATUS, event, archived_at=base.moment(event, recorded_at))

    def get(self, workspace_id: str) -> Workspace | None:
        return self._one(self._select().where(_TABLE.c.id == workspace_id))

    def of_user(self, user_id: str, *, limit: int = 50, offset: int = 0, after: str | None = None) -> Page[Workspace]:
        """The workspaces of a user, newest first."""
        statement = self._select().where(_TABLE.c.user_id == user_id)
        return self._page(statement, NEWEST_FIRST, limit, offset, after)

    def newest(
        self, *, status: WorkspaceStatus | None = None, limit: int = 50, offset: int = 0, after: str | None = None
    ) -> Page[Workspace]:
        """Workspaces, newest first: in one status, or all."""
        statement = self._select()
        if status is not None:
            statement = statement.where(_TABLE.c.status == status)
        return self._page(statement, NEWEST_FIRST, limit, offset, after)


class SandboxRepository(Repository[Sandbox]):
    table = _SANDBOXES
    record = Sandbox

    @staticmethod
    def create(event: Event, recorded_at: str) -> Write:
        write = _report(base.mention(_SANDBOXES, event, recorded_at, creates=True), event, recorded_at)
        return base.describe(write, event, updates=False)

    @staticmethod
    def update(event: Event, recorded_at: str) -> Write:
        return base.describe(base.mention(_SANDBOXES, event, recorded_at), event, updates=True)

    @staticmethod
    def report(event: Event, recorded_at: str) -> Write:
        return _report(base.mention(_SANDBOXES, event, recorded_at), event, recorded_at)

    @staticmethod
    def start(event: Event, recorded_at: str) -> Write:
        return base.start(SandboxRepository.report(event, recorded_at), event, recorded_at)

    def get(self, sandbox_id: str) -> Sandbox | None:
        return self._one(self._select().where(_SANDBOXES.c.id == sandbox_id))

    def of_workspace(
        self, workspace_id: str, *, limit: int = 50, offset: int = 0, after: str | None = None
    ) -> Page[Sandbox]:
        """The sandboxes of a workspace, newest first."""
        statement = self._select().where(_SANDBOXES.c.workspace_id == workspace_id)
        return self._page(statement, NEWEST_SANDBOX_FIRST, limit, offset, after)

    def memberships(self, workspace_id: str | None, after: Membership | None, limit: int) -> list[Membership]:
        """Who belongs to a workspace, or to any: workspace by workspace, oldest first, those behind `after`."""
        of_workspace, *_ = place = (_SANDBOXES.c.workspace_id, _SANDBOXES.c.created_at, _SANDBOXES.c.id)
        statement = select(*place, _SANDBOXES.c.workspace_id_key).order_by(*place).limit(limit)
        statement = statement.where(of_workspace.is_not(None) if workspace_id is None else of_workspace == workspace_id)
        if after is not None:
            values = (bindparam(None, value, column.type) for value, column in zip(after, place, strict=False))
            statement = statement.where(tuple_(*place) > tuple_(*values))
        rows = self.connection.execute(statement)
        return [Membership(*row[:3], base.described_by(row.workspace_id_key)) for row in rows]

    def newest(
        self, *, status: SandboxStatus | None = None, limit: int = 50, offset: int = 0, after: str | None = None
    ) -> Page[Sandbox]:
        """Sandboxes, newest first: in one status, or all."""
        statement = self._select()
        if status is not None:
            statement = statement.where(_SANDBOXES.c.status == status)
        return self._page(statement, NEWEST_SANDBOX_FIRST, limit, offset, after)


def _report(write: Write, event: Event, recorded_at: str) -> Write:
    return base.report_in_order(write, SANDBOX_STATUS, event, status_at=base.moment(event, recorded_at))
