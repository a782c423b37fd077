"""Section 4 of the contract written down a second time, so that the models of `domain.events` are held to the contract
and not to themselves."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

Json = Any

TIME: Final = "2026-01-31T12:00:00Z"


class Field(NamedTuple):
    """A field of an event's data: what it takes (`str`, `id`, `any` …), and whether it must be there."""

    kind: str
    required: bool


_EXECUTION: Final = (
    "workflow_id?:id workspace_id?:id sandbox_id?:id agent_id?:id user_id?:id parent_execution_id?:id retry_of? mode?"
    " trigger_type? input?:any initial_state?:object"
)
_TASK: Final = (
    "name? kind? execution_id?:id parent_task_id?:id retry_of? workspace_id?:id sandbox_id?:id agent_id?:id user_id?:id"
    " priority?:int input?:any"
)
_NODE: Final = "node:id iteration?:int "
_LOG: Final = "message level?:level logger? context?:object"
_WORKSPACE: Final = "name?:name description? user_id?:id settings?:object"
_SANDBOX: Final = (
    "workspace_id?:id name?:name description? agent_id?:id user_id?:id container_id?:id agent_config?:agent_config"
    " resource_limits?:resource_limits connection?:connection health?:health"
)
_AGENT: Final = (
    "name?:label description? kind?:label version? workspace_id?:id user_id?:id capabilities?:tags"
    " agent_config?:agent_config"
)
_WORKFLOW: Final = (
    "name?:label description? workspace_id?:id user_id?:id visibility?:visibility tags?:tags settings?:object"
)
_USER: Final = "email?:email full_name?:label role?:role settings?:object"
_CUSTOM_NODE: Final = (
    "name?:label category?:label description? workspace_id?:id user_id?:id visibility?:visibility version? language?"
    " code? inputs?:object_or_list outputs?:object_or_list config?:unclassified"
)
_MCP_SERVER: Final = (
    "name?:label description? workspace_id?:id user_id?:id transport?:transport command? args?:args url?:url"
    " headers?:unclassified env?:unclassified version?"
)
_WEBHOOK: Final = (
    "name?:label workflow_id?:id workspace_id?:id user_id?:id secret_names?:names allowed_ips?:networks"
    " input_mapping?:input_mapping"
)
_SCHEDULE: Final = (
    "name?:label workflow_id?:id workspace_id?:id user_id?:id expression?:expression timezone?:timezone input?:any"
    " missed?:missed starts_at?:time ends_at?:time"
)
_COLLABORATION: Final = (
    "name?:label description? workspace_id?:id user_id?:id coordinator_id?:id member_ids?:some_ids"
    " execution_ids?:some_ids mode? goal?:any policy?:object"
)
_KNOWLEDGE: Final = (
    "title? content? kind?:label agent_id?:id workspace_id?:id user_id?:id execution_id?:id tags?:tags"
    " confidence?:fraction data?:object"
)
_CONTRACT: Final = {
    "execution.created": _EXECUTION,
    "execution.updated": _EXECUTION,
    "execution.queued": "queue?",
    "execution.started": "",
    "execution.paused": "reason?",
    "execution.resumed": "",
    "execution.retrying": "attempt:attempt error?:error delay_seconds?:seconds",
    "execution.checkpointed": "state:object iterations?:int",
    "execution.completed": "output?:any final_state?:object iterations?:int usage?:object",
    "execution.failed": "error:error final_state?:object usage?:object",
    "execution.cancelled": "reason?",
    "execution.timed_out": "timeout_seconds?:seconds",
    "execution.logged": _LOG + " node?:id iteration?:int",
    "node.started": _NODE + "agent_id?:id input?:any",
    "node.retrying": _NODE + "attempt:attempt error?:error",
    "node.completed": _NODE + "output?:any state?:object usage?:object",
    "node.failed": _NODE + "error:error state?:object usage?:object",
    "node.skipped": _NODE + "reason?",
    "task.created": _TASK,
    "task.updated": _TASK,
    "task.queued": "queue?",
    "task.started": "worker?",
    "task.progressed": "progress:fraction message?",
    "task.retrying": "attempt:attempt error?:error delay_seconds?:seconds",
    "task.completed": "output?:any usage?:object",
    "task.failed": "error:error usage?:object",
    "task.cancelled": "reason?",
    "task.skipped": "reason?",
    "task.timed_out": "timeout_seconds?:seconds",
    "task.logged": _LOG,
    "message.sent": (
        "from_sandbox_id:id to_sandbox_ids:ids message_type:message_type content:any workspace_id?:id thread_id?:id"
        " in_reply_to? execution_id?:id task_id?:id expires_at?:time priority?:int"
    ),
    "message.delivered": "to_sandbox_id:id",
    "message.failed": "to_sandbox_id:id reason",
    "message.dispatched": "to_sandbox_id:id event_source? event_id?:id",
    "message.expired": "to_sandbox_id:id",
    "workspace.created": _WORKSPACE,
    "workspace.updated": _WORKSPACE,
    "workspace.archived": "reason?",
    "sandbox.created": _SANDBOX,
    "sandbox.updated": _SANDBOX,
    "sandbox.provisioning": "",
    "sandbox.starting": "",
    "sandbox.started": "",
    "sandbox.stopping": "reason?",
    "sandbox.stopped": "reason?",
    "sandbox.failed": "error:error",
    "agent.created": _AGENT,
    "agent.updated": _AGENT,
    "agent.activated": "reason?",
    "agent.retired": "reason?",
    "agent.deleted": "reason?",
    "agent.restored": "reason?",
    "workflow.created": _WORKFLOW,
    "workflow.updated": _WORKFLOW,
    "workflow.versioned": "version:version definition:definition user_id?:id note?",
    "workflow.published": "version?:version",
    "workflow.archived": "reason?",
    "workflow.withdrawn": "reason?",
    "workflow.deleted": "reason?",
    "workflow.restored": "reason?",
    "user.created": _USER,
    "user.updated": _USER,
    "user.activated": "reason?",
    "user.deactivated": "reason?",
    "user.deleted": "reason?",
    "user.restored": "reason?",
    "custom_node.created": _CUSTOM_NODE,
    "custom_node.updated": _CUSTOM_NODE,
    "custom_node.enabled": "reason?",
    "custom_node.disabled": "reason?",
    "custom_node.deleted": "reason?",
    "custom_node.restored": "reason?",
    "mcp_server.created": _MCP_SERVER,
    "mcp_server.updated": _MCP_SERVER,
    "mcp_server.connected": "tool_count?:count",
    "mcp_server.disconnected": "reason?",
    "mcp_server.failed": "error:error",
    "mcp_server.deleted": "reason?",
    "mcp_server.restored": "reason?",
    "webhook.created": _WEBHOOK,
    "webhook.updated": _WEBHOOK,
    "webhook.enabled": "reason?",
    "webhook.disabled": "reason?",
    "webhook.deleted": "reason?",
    "webhook.restored": "reason?",
    "schedule.created": _SCHEDULE,
    "schedule.updated": _SCHEDULE,
    "schedule.enabled": "reason?",
    "schedule.disabled": "reason?",
    "schedule.fired": "due_at:time execution_id:id",
    "schedule.deleted": "reason?",
    "schedule.restored": "reason?",
    "collaboration.created": _COLLABORATION,
    "collaboration.updated": _COLLABORATION,
    "collaboration.started": "",
    "collaboration.progressed": "progress:fraction message?",
    "collaboration.completed": "output?:any",
    "collaboration.failed": "error:error",
    "collaboration.cancelled": "reason?",
    "collaboration.deleted": "reason?",
    "collaboration.restored": "reason?",
    "knowledge.created": _KNOWLEDGE,
    "knowledge.updated": _KNOWLEDGE,
    "knowledge.deleted": "reason?",
    "knowledge.restored": "reason?",
    "metric.recorded": (
        "name:label value:number kind?:metric_kind unit?:label labels?:labels agent_id?:id execution_id?:id task_id?:id"
        " workspace_id?:id"
    ),
    "audit.logged": (
        "action:label user_id?:id resource_type?:label event_type?:label details?:object ip_address? success?:bool"
    ),
}


def _field(text: str) -> tuple[str, Field]:
    name, _, kind = text.partition(":")
    return name.rstrip("?"), Field(kind or "str", not name.endswith("?"))


FIELDS: Final[dict[str, dict[str, Field]]] = {
    type_: {"attempt": Field("attempt", False)} | dict(map(_field, fields.split()))
    for type_, fields in _CONTRACT.items()
}
"""For each event type, the fields of its data."""

EXAMPLES: Final[dict[str, Json]] = {
    "str": "text",
    "id": "id_1",
    "any": {"any": [1, None]},
    "object": {"key": "value"},
    "int": 3,
    "attempt": 2,
    "seconds": 1.5,
    "fraction": 0.5,
    "error": {"type": "ValueError", "message": "no", "traceback": "line 1"},
    "level": "info",
    "ids": ["sb_2"],
    "message_type": "request",
    "time": TIME,
    "name": "a name",
    "label": "a label",
    "tags": ["a", "b", "a"],
    "visibility": "public",
    "version": 1,
    "some_ids": ["id_1", "id_2", "id_1"],
    "number": 0.1,
    "metric_kind": "gauge",
    "labels": {"region": "north"},
    "bool": True,
    "definition": {"nodes": [{"id": "a"}, {"id": "b"}], "edges": [{"source": "a", "target": "b"}]},
    "agent_config": {
        "model": "m",
        "provider": "p",
        "temperature": 0.5,
        "max_tokens": 1,
        "system_prompt": "",
        "tools": ["t", {}],
    },
    "resource_limits": {
        "cpu": 0.5,
        "memory_bytes": 0,
        "disk_bytes": 1,
        "timeout_seconds": 3,
        "idle_timeout_seconds": 0,
    },
    "connection": {"host": "localhost", "port": 8080, "url": "http://localhost:8080/", "protocol": "http"},
    "health": {"status": "healthy", "checked_at": TIME, "message": "well"},
    "email": "Ada@example.org",
    "role": "admin",
    "object_or_list": [{"name": "in"}],
    "unclassified": {"api_key": {"secret": "a name in the vault"}},
    "transport": "stdio",
    "args": ["-m", "server"],
    "url": "https://mcp.example/sse",
    "count": 0,
    "names": ["a name"],
    "networks": ["192.0.2.0/24", "::1"],
    "input_mapping": {"order": "/order/id", "key": {"header": "X-Key"}, "kind": {"value": None}},
    "expression": "*/15 9-17 * * 1-5",
    "timezone": "Europe/Berlin",
    "missed": "last",
}
"""A valid value for each kind of field."""

SUBJECTS: Final = {
    "execution": "exec_1",
    "node": "exec_1",
    "task": "task_1",
    "message": "msg_1",
    "workspace": "ws_1",
    "sandbox": "sb_1",
    "agent": "agt_1",
    "workflow": "wf_1",
    "user": "usr_1",
    "custom_node": "node_1",
    "mcp_server": "mcp_1",
    "webhook": "hook_1",
    "schedule": "sched_1",
    "collaboration": "collab_1",
    "knowledge": "know_1",
    "metric": "host_1",
    "audit": "thing_1",
}

OWN_SOURCES: Final = {"schedule.fired": "/flowledger/schedules"}
"""The types that may have one source alone."""
