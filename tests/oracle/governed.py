"""Rows of users, custom nodes, MCP servers, webhooks and schedules (CONTRACT-RECORDS, sections 1 and 3)."""

from __future__ import annotations

from tests.oracle.events import Event, instant
from tests.oracle.rule import Key, Row, last_report, of, record

USER = ("email", "full_name", "role", "settings")
CUSTOM_NODE = (
    "name", "category", "description", "workspace_id", "user_id", "visibility", "version", "language", "code",
    "inputs", "outputs", "config",
)  # fmt: skip
MCP_SERVER = (
    "name", "description", "workspace_id", "user_id", "transport", "command", "args", "url", "headers", "env",
    "version",
)  # fmt: skip
WEBHOOK = ("name", "workflow_id", "workspace_id", "user_id", "secret_names", "allowed_ips", "input_mapping")
SCHEDULE = (
    "name", "workflow_id", "workspace_id", "user_id", "expression", "timezone", "input", "missed", "starts_at",
    "ends_at",
)  # fmt: skip


def user(_key: Key, events: list[Event]) -> Row:
    """A row of `users`."""
    return record(events, "user", USER, before="active")


def custom_node(_key: Key, events: list[Event]) -> Row:
    """A row of `custom_nodes`."""
    return record(events, "custom_node", CUSTOM_NODE, before="enabled")


def mcp_server(_key: Key, events: list[Event]) -> Row:
    """A row of `mcp_servers`; the number of tools and the error are of the report that stands."""
    _, _, said = last_report(events, before="disconnected")
    row = record(events, "mcp_server", MCP_SERVER, before="disconnected")
    return row | {"tool_count": said.get("tool_count"), "error": said.get("error")}


def webhook(_key: Key, events: list[Event]) -> Row:
    """A row of `webhooks`."""
    return record(events, "webhook", WEBHOOK, before="enabled")


def schedule(_key: Key, events: list[Event]) -> Row:
    """A row of `schedules`; times stand in UTC, and the last due time is the greatest of any that fired."""
    row = record(events, "schedule", SCHEDULE, before="enabled")
    times = {name: row[name] and instant(row[name]) for name in ("starts_at", "ends_at")}
    fired = [(instant(e.data["due_at"]), e.data["execution_id"]) for e in of(events, "schedule.fired")]
    due_at, execution_id = max(fired, default=(None, None))
    return row | times | {"last_due_at": due_at, "last_execution_id": execution_id}
