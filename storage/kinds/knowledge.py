"""Knowledge: table, writes, look-ups (CONTRACT-RECORDS §1)."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Double, Index, Table, Text

from flowledger.domain import events as say
from flowledger.domain.kinds.knowledge import Knowledge
from flowledger.storage.kinds.kind import Kind
from flowledger.storage.kinds.parts import Subject
from flowledger.storage.paging import Order, Page
from flowledger.storage.repository import holds
from flowledger.storage.schema.columns import (
    ROOM_FOR_UPDATES,
    description_keys,
    indexes,
    metadata,
    record_times,
    ruled,
    short_name,
)
from flowledger.storage.schema.types import Json, Name
from flowledger.storage.search import Search, SearchedRepository

TABLE: Final = Table(
    "knowledge",
    metadata,
    Column("id", Name, primary_key=True),
    Column("title", Text),
    Column("content", Text),
    *short_name("kind"),
    Column("agent_id", Name),
    Column("workspace_id", Name),
    Column("user_id", Name),
    Column("execution_id", Name),
    Column("tags", Json),
    *ruled("confidence", "confidence", Double(), "{0} >= 0 AND {0} <= 1"),
    Column("data", Json),
    *record_times(),
    *description_keys(),
    *indexes("knowledge", "kind", "agent_id", "workspace_id", "user_id"),
    Index("ix_knowledge_tags", "tags", postgresql_using="gin"),
    **ROOM_FOR_UPDATES,
)

NEWEST_FIRST: Final = Order((TABLE.c.created_at, TABLE.c.id), descending=True)

SEARCH: Final = Search(TABLE, title=300, content=3_000)

KNOWLEDGE: Final = Subject(TABLE, say.KnowledgeCreated, derived=SEARCH.derived)


class KnowledgeRepository(SearchedRepository[Knowledge]):
    table = TABLE
    record = Knowledge
    listed_by = ("kind", "agent_id", "workspace_id", "user_id")
    told_by = ("title", "tags")
    search_in = SEARCH

    def of_agent(
        self, agent_id: str, *, limit: int = 50, offset: int = 0, after: str | None = None, deleted: bool = False
    ) -> Page[Knowledge]:
        """Return a page of the knowledge of an agent, newest first."""
        return self.newest(agent_id=agent_id, limit=limit, offset=offset, after=after, deleted=deleted)

    def with_tag(
        self, tag: str, *, limit: int = 50, offset: int = 0, after: str | None = None, deleted: bool = False
    ) -> Page[Knowledge]:
        """Return a page of the knowledge that has this tag, newest first."""
        statement = self._listed(deleted, {}).where(holds(self.connection, TABLE.c.tags, tag))
        return self._page(statement, NEWEST_FIRST, limit, offset, after)


KIND: Final = Kind(
    "knowledge",
    tables=(TABLE,),
    repository=KnowledgeRepository,
    events={
        say.KnowledgeCreated: (KNOWLEDGE.create,),
        say.KnowledgeUpdated: (KNOWLEDGE.update,),
        say.KnowledgeDeleted: (KNOWLEDGE.delete,),
        say.KnowledgeRestored: (KNOWLEDGE.restore,),
    },
)
