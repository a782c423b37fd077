"""An example of each event: the values that its fields have in the documents, by their names."""

from __future__ import annotations

from typing import Any, Final

from flowledger.domain.kinds.base import Described, EventData

_TIME: Final = "2026-01-31T12:00:00Z"
_ERROR: Final = {"type": "TimeoutError", "message": "no answer within 30 s"}

SUBJECTS: Final = {
    "execution": "exec_7c1f",
    "node": "exec_7c1f",
    "task": "task_0a1b",
    "message": "sb_writer/msg_41",
    "workspace": "ws_north",
    "sandbox": "sb_writer",
    "agent": "agent_writer",
    "workflow": "wf_report",
    "user": "usr_ada",
    "custom_node": "node_translate",
    "mcp_server": "mcp_files",
    "webhook": "hook_orders",
    "schedule": "sched_morning",
    "collaboration": "collab_9d2e",
    "knowledge": "know_3f80",
    "metric": "sb_writer",
    "audit": "wf_report",
}
"""An id for each kind of record, which other records name, too."""

_VALUES: Final[dict[str, Any]] = {
    "action": "workflow.publish",
    "agent_config": {"model": "large", "temperature": 0.2, "max_tokens": 4096, "tools": ["search"]},
    "agent_id": SUBJECTS["agent"],
    "allowed_ips": ["192.0.2.0/24", "2001:db8::/32"],
    "args": ["--root", "/srv/files"],
    "capabilities": ["write", "translate"],
    "category": "text",
    "code": "def run(text): return text.upper()",
    "command": "mcp-files",
    "confidence": 0.8,
    "config": {"language": "de"},
    "connection": {"host": "10.0.0.7", "port": 8080, "protocol": "http"},
    "container_id": "c0ffee12",
    "content": {"question": "Is chapter 1 done?"},
    "context": {"rows": 12},
    "coordinator_id": SUBJECTS["agent"],
    "data": {"source": "survey"},
    "definition": {
        "nodes": [{"id": "draft"}, {"id": "review"}],
        "edges": [{"source": "draft", "target": "review"}],
    },
    "delay_seconds": 5,
    "description": "Writes the report of the week.",
    "details": {"version": 3},
    "due_at": _TIME,
    "email": "ada@example.org",
    "ends_at": "2026-12-31T00:00:00Z",
    "env": {"LANG": "C.UTF-8", "API_TOKEN": {"secret": "files"}},
    "error": _ERROR,
    "event_id": "evt_41",
    "event_source": "/sandboxes/sb_writer",
    "event_type": "workflow.published",
    "execution_id": SUBJECTS["execution"],
    "execution_ids": [SUBJECTS["execution"]],
    "expires_at": "2026-01-31T13:00:00Z",
    "expression": "30 9 * * 1-5",
    "final_state": {"chapters": 3},
    "from_sandbox_id": SUBJECTS["sandbox"],
    "full_name": "Ada Lovelace",
    "goal": "A report that all have read",
    "headers": {"Authorization": {"secret": "files"}},
    "health": {"status": "healthy", "checked_at": _TIME},
    "in_reply_to": "sb_reader/msg_40",
    "initial_state": {"chapters": 0},
    "input": {"week": 5},
    "input_mapping": {"order": "/order/id", "key": {"header": "X-Key"}, "kind": {"value": "sale"}},
    "inputs": {"text": "string"},
    "ip_address": "192.0.2.7",
    "iteration": 1,
    "iterations": 2,
    "kind": "writer",
    "labels": {"region": "north"},
    "language": "python",
    "level": "info",
    "logger": "report.draft",
    "member_ids": ["agent_writer", "agent_reader"],
    "message": "Chapter 1 is there.",
    "message_type": "request",
    "missed": "last",
    "mode": "live",
    "name": "weekly report",
    "node": "draft",
    "note": "with a review",
    "output": {"words": 1200},
    "outputs": {"text": "string"},
    "parent_execution_id": "exec_51d0",
    "parent_task_id": "task_77aa",
    "policy": {"votes": 2},
    "priority": 5,
    "progress": 0.4,
    "queue": "default",
    "reason": "no longer needed",
    "resource_limits": {"cpu": 0.5, "memory_bytes": 536870912, "timeout_seconds": 600},
    "resource_type": "workflow",
    "retry_of": "task_0a1a",
    "role": "user",
    "sandbox_id": SUBJECTS["sandbox"],
    "secret_names": ["orders"],
    "settings": {"language": "en"},
    "starts_at": "2026-02-01T00:00:00Z",
    "state": {"chapters": 1},
    "success": True,
    "tags": ["report", "weekly"],
    "task_id": SUBJECTS["task"],
    "thread_id": "thread_8",
    "timeout_seconds": 600,
    "timezone": "Europe/Berlin",
    "title": "Readers want short chapters",
    "to_sandbox_id": "sb_reader",
    "to_sandbox_ids": ["sb_reader"],
    "tool_count": 12,
    "transport": "stdio",
    "trigger_type": "schedule",
    "unit": "tokens",
    "url": "https://mcp.example/files",
    "usage": {"model": "large", "input_tokens": 812, "output_tokens": 96, "cost": 0.0131},
    "user_id": SUBJECTS["user"],
    "value": 812,
    "version": "2.1",
    "visibility": "private",
    "worker": "worker-1",
    "workflow_id": SUBJECTS["workflow"],
    "workspace_id": SUBJECTS["workspace"],
}
_OF_TYPES: Final[dict[str, Any]] = {
    "execution.created.retry_of": "exec_7c1e",
    "execution.updated.retry_of": "exec_7c1e",
    "knowledge.created.content": "Of 40 readers, 31 stopped at long chapters.",
    "knowledge.updated.content": "Of 60 readers, 44 stopped at long chapters.",
    "knowledge.created.kind": "finding",
    "knowledge.updated.kind": "finding",
    "message.failed.reason": "no such file",
    "metric.recorded.kind": "counter",
    "metric.recorded.name": "tokens_used",
    "task.created.kind": "write",
    "task.updated.kind": "write",
    "user.created.settings": {"theme": "dark"},
    "user.updated.settings": {"theme": "light"},
    "workflow.versioned.version": 3,
    "workflow.published.version": 3,
}
"""Values of fields whose name means something else in this event."""
_LEFT_OUT: Final = frozenset({"attempt", "broadcast"})
"""Fields that examples have only if they must."""


def event_example(model: type[EventData]) -> dict[str, Any]:
    """Return an event of this type, with a value for each field; one that changes a description has two."""
    type_ = model.event_type
    return {
        "specversion": "1.0",
        "id": "evt_41",
        "source": model.only_source or ("/flowledger" if model.by_ledger else "/my/service"),
        "type": type_,
        "subject": SUBJECTS[type_.partition(".")[0]],
        "time": _TIME,
        "data": _data_example(model),
    }


def is_update(model: type[EventData]) -> bool:
    """Return whether the event changes a description: it may carry any of its fields, and null clears one."""
    return issubclass(model, Described) and model.keeps_null == model.described_fields()


def _data_example(model: type[EventData]) -> dict[str, Any]:
    values = {name: _value(model.event_type, name) for name in model.model_fields if name not in _LEFT_OUT}
    if is_update(model):
        first, *_, last = values
        return {first: values[first], last: None}
    return ({"attempt": 2} if model.model_fields["attempt"].is_required() else {}) | values


def _value(type_: str, name: str) -> Any:
    return _OF_TYPES.get(f"{type_}.{name}", _VALUES.get(name))
