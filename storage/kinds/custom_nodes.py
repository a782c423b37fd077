"""Custom nodes: table, writes, look-ups (CONTRACT-RECORDS §1)."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Table, Text

from flowledger.domain import events as say
from flowledger.domain.kinds.custom_nodes import CustomNode
from flowledger.domain.kinds.workflows import VISIBILITIES
from flowledger.domain.statuses import Switch
from flowledger.storage.kinds.kind import Kind
from flowledger.storage.kinds.parts import Subject
from flowledger.storage.schema.columns import (
    ROOM_FOR_UPDATES,
    description_keys,
    indexes,
    metadata,
    one_of,
    short_name,
    status,
    subject_times,
)
from flowledger.storage.schema.types import Json, Name
from flowledger.storage.search import Search, SearchedRepository

TABLE: Final = Table(
    "custom_nodes",
    metadata,
    Column("id", Name, primary_key=True),
    *status(Switch, "switch"),
    *short_name(),
    *short_name("category"),
    Column("description", Text),
    Column("workspace_id", Name),
    Column("user_id", Name),
    *one_of("visibility", "visibility", Text(), VISIBILITIES),
    Column("version", Text),
    Column("language", Text),
    Column("code", Text),
    Column("inputs", Json),
    Column("outputs", Json),
    Column("config", Json),
    Column("reason", Text),
    *subject_times(),
    *description_keys(),
    *indexes("custom_nodes", "name", "category", "workspace_id", "user_id", "visibility", "status"),
    **ROOM_FOR_UPDATES,
)

SEARCH: Final = Search(TABLE, beginnings=True, name=300, category=300, description=1_000)

CUSTOM_NODE: Final = Subject(TABLE, say.CustomNodeCreated, "reason", times={"status_at": None}, derived=SEARCH.derived)


class CustomNodeRepository(SearchedRepository[CustomNode]):
    table = TABLE
    record = CustomNode
    listed_by = ("category", "workspace_id", "user_id", "visibility", "status")
    has_names = True
    search_in = SEARCH


KIND: Final = Kind(
    "custom_node",
    tables=(TABLE,),
    repository=CustomNodeRepository,
    events={
        say.CustomNodeCreated: (CUSTOM_NODE.create,),
        say.CustomNodeUpdated: (CUSTOM_NODE.update,),
        say.CustomNodeEnabled: (CUSTOM_NODE.report,),
        say.CustomNodeDisabled: (CUSTOM_NODE.report,),
        say.CustomNodeDeleted: (CUSTOM_NODE.delete,),
        say.CustomNodeRestored: (CUSTOM_NODE.restore,),
    },
)
