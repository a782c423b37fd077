"""MCP servers: table, writes, look-ups (CONTRACT-RECORDS §1)."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Table, Text

from flowledger.domain import events as say
from flowledger.domain.kinds.mcp_servers import TRANSPORTS, McpServer, McpServerStatus
from flowledger.storage.kinds.kind import Kind
from flowledger.storage.kinds.parts import Subject
from flowledger.storage.repository import SubjectRepository
from flowledger.storage.schema.columns import (
    ROOM_FOR_UPDATES,
    description_keys,
    indexes,
    metadata,
    one_of,
    ruled,
    short_name,
    status,
    subject_times,
)
from flowledger.storage.schema.types import Json, Name

TABLE: Final = Table(
    "mcp_servers",
    metadata,
    Column("id", Name, primary_key=True),
    *status(McpServerStatus, "mcp_server_status"),
    *short_name(),
    Column("description", Text),
    Column("workspace_id", Name),
    Column("user_id", Name),
    *one_of("transport", "transport", Text(), TRANSPORTS),
    Column("command", Text),
    Column("args", Json),
    Column("url", Text),
    Column("headers", Json),
    Column("env", Json),
    Column("version", Text),
    *ruled("tool_count", "count", BigInteger(), "{} >= 0"),
    Column("error", Json),
    Column("reason", Text),
    *subject_times(),
    *description_keys(),
    *indexes("mcp_servers", "name", "workspace_id", "user_id", "status"),
    **ROOM_FOR_UPDATES,
)

MCP_SERVER: Final = Subject(TABLE, say.McpServerCreated, "tool_count", "error", "reason", times={"status_at": None})


class McpServerRepository(SubjectRepository[McpServer]):
    table = TABLE
    record = McpServer
    listed_by = ("workspace_id", "user_id", "status")
    told_by = ("transport", "error", "reason")
    has_names = True


KIND: Final = Kind(
    "mcp_server",
    tables=(TABLE,),
    repository=McpServerRepository,
    events={
        say.McpServerCreated: (MCP_SERVER.create,),
        say.McpServerUpdated: (MCP_SERVER.update,),
        say.McpServerConnected: (MCP_SERVER.report,),
        say.McpServerDisconnected: (MCP_SERVER.report,),
        say.McpServerFailed: (MCP_SERVER.report,),
        say.McpServerDeleted: (MCP_SERVER.delete,),
        say.McpServerRestored: (MCP_SERVER.restore,),
    },
)
