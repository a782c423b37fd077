"""AgentWeave visual builder, as its report says it: "SQLAlchemy 2.0 async, SQLite".

The quoted lines are the report's. `docs/platforms.md` is the table.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import pytest

from flowledger.domain.errors import Refused
from flowledger.storage.kinds.audit import AuditLogRepository
from flowledger.storage.kinds.executions import ExecutionLogRepository, ExecutionRepository
from flowledger.storage.kinds.mcp_servers import McpServerRepository
from flowledger.storage.kinds.schedules import ScheduleRepository
from flowledger.storage.kinds.webhooks import WebhookRepository
from flowledger.storage.kinds.workflows import WorkflowRepository, WorkflowVersionRepository
from tests.acceptance.conftest import MakePlatform
from tests.acceptance.reporting import START, Platform, ids, known

CANVAS: Final = {
    "nodes": [{"id": "start", "position": {"x": 0, "y": 0}}, {"id": "agent", "position": {"x": 240, "y": 0}}],
    "edges": [{"id": "e1", "source": "start", "target": "agent"}],
}


@pytest.fixture
def weave(make_platform: MakePlatform) -> Platform:
    return make_platform("/agent-weave")


def test_workflow(weave: Platform) -> None:
    """The report: "**Workflow** (nodes, edges; draft, published, archived; owner)".

    "Workflow: create, by id, list, update, delete."
    """
    weave.report("workflow.created", "wf-1", name="Support", user_id="ada")
    weave.report("workflow.versioned", "wf-1", version=1, definition=CANVAS)
    weave.report("workflow.created", "wf-2", name="Sales", user_id="ada")
    statuses = []
    for said in ("published", "withdrawn", "published", "archived"):
        with weave.records() as connection:
            statuses.append(known(WorkflowRepository(connection).get("wf-1")).status)
        weave.report(f"workflow.{said}", "wf-1")
    assert statuses == ["draft", "published", "draft", "published"]
    weave.report("workflow.updated", "wf-2", name="Sales (old)")
    weave.report("workflow.deleted", "wf-2")
    with weave.records() as connection:
        workflows = WorkflowRepository(connection)
        assert ids(workflows.newest(user_id="ada")) == ids(workflows.newest(status="archived")) == ["wf-1"]
        assert known(WorkflowVersionRepository(connection).get("wf-1", 1)).definition == CANVAS
        assert known(workflows.get("wf-2")).name == "Sales (old)"


STEPS: Final[tuple[tuple[str, dict[str, Any], str], ...]] = (
    ("created", {}, "pending"),
    ("queued", {}, "queued"),
    ("started", {}, "running"),
    ("paused", {"reason": "needs approval"}, "paused"),
    ("resumed", {}, "running"),
    ("retrying", {"attempt": 2, "error": {"message": "429"}}, "retrying"),
    ("started", {"attempt": 2}, "running"),
    ("completed", {"attempt": 2, "output": {"sent": True}}, "completed"),
)
ENDS: Final[dict[str, dict[str, Any]]] = {
    "failed": {"error": {"message": "no such tool"}},
    "cancelled": {"reason": "by Ada"},
    "timed_out": {"timeout_seconds": 30},
}


def test_execution(weave: Platform) -> None:
    """The report: "**Execution** (pending, queued, running, paused, completed, failed, cancelled, retrying, timed_out;
    …)". "Execution: create, by id, by workflow newest first, update"
    """
    for step, data, status in STEPS:
        weave.report(f"execution.{step}", "run-1", **data)
        with weave.records() as connection:
            assert known(ExecutionRepository(connection).get("run-1")).status == status
    for end, data in ENDS.items():
        weave.report("execution.created", f"run-{end}", workflow_id="wf-1")
        weave.report(f"execution.{end}", f"run-{end}", **data)
    with weave.records() as connection:
        executions = ExecutionRepository(connection)
        assert ids(executions.newest(workflow_id="wf-1")) == [f"run-{end}" for end in reversed(ENDS)]
        for end in ENDS:
            assert ids(executions.newest(status=end)) == [f"run-{end}"]


def test_what_an_execution_says(weave: Platform) -> None:
    """The report: "mode, trigger type, input, output, error, node logs"."""
    weave.report("execution.created", "run-1", workflow_id="wf-1", mode="debug", trigger_type="manual", input={"n": 1})
    weave.report("execution.started", "run-1")
    weave.report("node.started", "run-1", node="agent", input={"n": 1}, agent_id="agent-1")
    weave.report("node.failed", "run-1", node="agent", error={"type": "ToolError", "message": "no such tool"})
    weave.report("execution.failed", "run-1", error={"message": "node agent failed", "traceback": "…"})
    weave.report("execution.updated", "run-1", mode=None)
    with weave.records() as connection:
        found = known(ExecutionRepository(connection).get("run-1"))
        assert (found.mode, found.trigger_type, found.input, found.output) == (None, "manual", {"n": 1}, None)
        assert found.error == {"message": "node agent failed", "traceback": "…"}
        (node,) = ExecutionLogRepository(connection).of_execution("run-1").items
        assert (node.node, node.status, node.input, known(node.error)["type"]) == (
            "agent", "failed", {"n": 1}, "ToolError"
        )  # fmt: skip


def test_mcp_server(weave: Platform) -> None:
    """The report: "**McpServer** (command, args, env; connected, disconnected, error; tool count)"."""
    weave.report("mcp_server.created", "mcp-1", name="files", transport="stdio", command="npx", user_id="ada",
                 args=["-y", "server-filesystem", "/data"], env={"LOG": "info", "API_KEY": "${API_KEY}"})  # fmt: skip
    statuses = []
    for said, data in (
        ("connected", {"tool_count": 14}), ("failed", {"error": {"message": "exit 1"}}), ("disconnected", {}),
        ("connected", {"tool_count": 15}),
    ):  # fmt: skip
        with weave.records() as connection:
            statuses.append(known(McpServerRepository(connection).get("mcp-1")).status)
        weave.report(f"mcp_server.{said}", "mcp-1", **data)
    assert statuses == ["disconnected", "connected", "error", "disconnected"]
    with weave.records() as connection:
        servers = McpServerRepository(connection)
        found = known(servers.by_name("files"))
        assert (found.tool_count, found.command, known(found.env)["LOG"]) == (15, "npx", "info")
        assert ids(servers.newest(user_id="ada", status="connected")) == ["mcp-1"]
    # a secret itself does not travel in events
    with pytest.raises(Refused):
        weave.report("mcp_server.updated", "mcp-1", env={"API_KEY": "sk-live-0123456789"})


def test_schedule(weave: Platform) -> None:
    """The report: "**Schedule** (cron or interval, time zone, input, enabled, run times)"."""
    weave.report("schedule.created", "sched-1", name="Every morning", workflow_id="wf-1", expression="30 8 * * 1-5",
                 timezone="Europe/Berlin", input={"report": "daily"}, user_id="ada")  # fmt: skip
    weave.report("schedule.created", "sched-2", workflow_id="wf-1", expression="15m", ends_at="2026-12-31T00:00:00Z")
    weave.report("schedule.disabled", "sched-2", reason="too often")
    with weave.records() as connection:
        schedules = ScheduleRepository(connection)
        assert ids(schedules.newest(workflow_id="wf-1")) == ["sched-2", "sched-1"]
        assert ids(schedules.newest(status="enabled", user_id="ada")) == ["sched-1"]
        morning, often = known(schedules.get("sched-1")), known(schedules.get("sched-2"))
        assert (morning.expression, morning.timezone, morning.input) == (
            "30 8 * * 1-5", "Europe/Berlin", {"report": "daily"}
        )  # fmt: skip
        assert (often.status, often.ends_at) == ("disabled", datetime(2026, 12, 31, tzinfo=UTC))


def test_webhook(weave: Platform) -> None:
    """The report: "**Webhook** (secret, allowed IPs, input mapping, enabled)"."""
    weave.report("webhook.created", "hook-1", name="From the shop", workflow_id="wf-1", secret_names=["shop"],
                 allowed_ips=["192.0.2.0/24"], input_mapping={"order": "/data/id", "by": {"value": "x"}})  # fmt: skip
    weave.report("webhook.disabled", "hook-1")
    weave.report("webhook.enabled", "hook-1")
    with weave.records() as connection:
        webhooks = WebhookRepository(connection)
        assert ids(webhooks.newest(workflow_id="wf-1", status="enabled")) == ["hook-1"]
        found = known(webhooks.get("hook-1"))
        assert (found.secret_names, found.allowed_ips) == (["shop"], ["192.0.2.0/24"])
        assert found.input_mapping == {"order": "/data/id", "by": {"value": "x"}}


def test_audit_log(weave: Platform) -> None:
    """The report: "**AuditLog** (type, user, resource, action, details, IP, success)"."""
    weave.report("audit.logged", "wf-1", action="publish", event_type="workflow", user_id="ada",
                 resource_type="workflow", details={"version": 1}, ip_address="192.0.2.7")  # fmt: skip
    weave.report("audit.logged", "wf-1", action="delete", user_id="eve", success=False)
    with weave.records() as connection:
        audit = AuditLogRepository(connection)
        assert [(line.action, line.success) for line in audit.newest(resource_id="wf-1").items] == [
            ("delete", False), ("publish", True)
        ]  # fmt: skip
        (line,) = audit.newest(user_id="ada", since=START).items
        assert (line.event_type, line.resource_id, line.details, line.ip_address) == (
            "workflow", "wf-1", {"version": 1}, "192.0.2.7"
        )  # fmt: skip
