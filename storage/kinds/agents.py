"""Agents: table, writes, look-ups (CONTRACT-RECORDS §1)."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, Table, Text

from flowledger.domain import events as say
from flowledger.domain.kinds.agents import Agent, AgentStatus
from flowledger.storage.kinds.kind import Kind
from flowledger.storage.kinds.parts import Subject
from flowledger.storage.paging import Order, Page
from flowledger.storage.repository import holds
from flowledger.storage.schema.columns import (
    ROOM_FOR_UPDATES,
    description_keys,
    indexes,
    metadata,
    short_name,
    status,
    subject_times,
)
from flowledger.storage.schema.types import Json, Name
from flowledger.storage.search import Search, SearchedRepository

TABLE: Final = Table(
    "agents",
    metadata,
    Column("id", Name, primary_key=True),
    *status(AgentStatus, "agent_status"),
    *short_name(),
    Column("description", Text),
    *short_name("kind"),
    Column("version", Text),
    Column("workspace_id", Name),
    Column("user_id", Name),
    Column("capabilities", Json),
    Column("agent_config", Json),
    Column("reason", Text),
    *subject_times(),
    *description_keys(),
    *indexes("agents", "name", "kind", "workspace_id", "user_id", "status"),
    Index("ix_agents_capabilities", "capabilities", postgresql_using="gin"),
    **ROOM_FOR_UPDATES,
)

NEWEST_FIRST: Final = Order((TABLE.c.created_at, TABLE.c.id), descending=True)

SEARCH: Final = Search(TABLE, beginnings=True, name=300)

AGENT: Final = Subject(TABLE, say.AgentCreated, "reason", times={"status_at": None}, derived=SEARCH.derived)


class AgentRepository(SearchedRepository[Agent]):
    table = TABLE
    record = Agent
    listed_by = ("kind", "workspace_id", "user_id", "status")
    told_by = ("description",)
    has_names = True
    search_in = SEARCH

    def with_capability(
        self, capability: str, *, limit: int = 50, offset: int = 0, after: str | None = None, deleted: bool = False
    ) -> Page[Agent]:
        """Return a page of the agents that have this capability, newest first."""
        statement = self._listed(deleted, {}).where(holds(self.connection, TABLE.c.capabilities, capability))
        return self._page(statement, NEWEST_FIRST, limit, offset, after)


KIND: Final = Kind(
    "agent",
    tables=(TABLE,),
    repository=AgentRepository,
    events={
        say.AgentCreated: (AGENT.create,),
        say.AgentUpdated: (AGENT.update,),
        say.AgentActivated: (AGENT.report,),
        say.AgentRetired: (AGENT.report,),
        say.AgentDeleted: (AGENT.delete,),
        say.AgentRestored: (AGENT.restore,),
    },
)
