"""MCP servers: the merge rule, what they may not hold, look-ups (contract, sections 3 to 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from flowledger.domain.errors import Reason
from flowledger.storage.kinds.mcp_servers import McpServerRepository
from flowledger.storage.unit_of_work import Storage
from tests.builders import event, raw
from tests.domain.refusing import refusal
from tests.storage.recording import empty, record
from tests.storage.test_merge_rule import at, moment, told


def server(storage: Storage, *story: Mapping[str, Any]) -> dict[str, Any]:
    return told(storage, "mcp_servers", ("mcp_1",), *story)


def test_what_the_standing_report_leaves_out_is_null(storage: Storage) -> None:
    connected = event("mcp_server.connected", time=at(2), tool_count=7)
    failed = event("mcp_server.failed", time=at(3), error={"message": "gone", "code": 1})
    row = server(storage, event("mcp_server.created", time=at(1), transport="sse"), connected)
    assert (row["status"], row["tool_count"], row["error"], row["reason"]) == ("connected", 7, None, None)
    empty(storage)
    row = server(storage, connected, failed)
    assert (row["status"], row["tool_count"], row["error"]) == ("error", None, {"message": "gone", "code": 1})
    assert row["status_at"] == moment(3)
    empty(storage)
    row = server(storage, connected, failed, event("mcp_server.disconnected", time=at(4), reason="asked to"))
    assert (row["status"], row["tool_count"], row["error"], row["reason"]) == ("disconnected", None, None, "asked to")
    empty(storage)
    row = server(storage, connected, event("mcp_server.connected", time=at(3)))
    assert (row["status"], row["tool_count"]) == ("connected", None)


def test_one_that_is_only_mentioned_is_disconnected(storage: Storage) -> None:
    row = server(storage, event("mcp_server.updated", time=at(3), args=[]))
    assert (row["status"], row["status_at"], row["args"]) == ("disconnected", None, [])


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"args": ["-y", "--dsn=postgresql://ada:hunter2@h/x"]}, "data.args.1"),
        ({"url": "https://mcp.example/sse?api_key=hunter2"}, "data.url"),
        ({"url": "https://ada:hunter2@mcp.example"}, "data.url"),
        ({"headers": {"Authorization": "Bearer hunter2"}}, "data.headers.Authorization"),
        ({"env": {"DB_PASSWORD": "hunter2"}}, "data.env.DB_PASSWORD"),
        ({"env": {"DATABASE_URL": "postgresql://ada:hunter2@h/x"}}, "data.env.DATABASE_URL"),
        ({"env": {"API_KEY": {"secret": "x", "more": 1}}}, "data.env.API_KEY.secret"),
    ],
)
def test_a_secret_is_refused_wherever_it_stands(data: dict[str, Any], field: str) -> None:
    for type_ in ("mcp_server.created", "mcp_server.updated"):
        assert refusal(raw(type_, **data)) == (Reason.INVALID_DATA, field)


def test_placeholders_and_references_stand_as_they_are(storage: Storage) -> None:
    given: dict[str, Any] = {
        "args": ["-y", "@example/server", "--token=x", "https://h/?token=${TOKEN}"],
        "url": "https://mcp.example/sse?token={{token}}",
        "headers": {"Authorization": "Bearer ${TOKEN}", "X-Api-Key": {"secret": "mcp"}},
        "env": {"API_KEY": "YOUR_API_KEY", "TOKEN_PATH": "/run/token", "PASSWORD": "", "AUTH_TOKEN_TYPE": "jwt"},
    }
    row = server(storage, event("mcp_server.created", **given))
    assert {name: row[name] for name in given} == given


def test_mcp_servers_are_found_by_name(storage: Storage) -> None:
    record(
        storage,
        event("mcp_server.created", subject="b", time=at(2), name="files", workspace_id="ws"),
        event("mcp_server.created", subject="a", time=at(2), name="files"),
        event("mcp_server.failed", subject="b", time=at(3)),
    )
    with storage.reading() as connection:
        servers = McpServerRepository(connection)
        named = servers.by_name("files")
        assert named is not None
        assert named.id == "a"
        assert [one.id for one in servers.newest(workspace_id="ws", status="error").items] == ["b"]
