"""AgentWeave visual builder, as its report says it: "SQLAlchemy 2.0 async, SQLite".

The quoted lines are the report's. `docs/platforms.md` is the table.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import pytest

from flowledger.domain.errors import Refused, WebhookRefused
from flowledger.services.schedules.scheduler import Scheduler
from flowledger.services.vault import UnknownSecret, Vault, VaultKeyFile
from flowledger.services.webhooks import WebhookReceiver
from flowledger.storage.ledger.schedule_due import ScheduleDueRepository
from flowledger.storage.lookups import (
    AuditLogRepository,
    ExecutionLogRepository,
    ExecutionRepository,
    McpServerRepository,
    ScheduleRepository,
    WebhookRepository,
    WorkflowRepository,
    WorkflowVersionRepository,
)
from flowledger.workers.authority import own_signer
from tests.acceptance.conftest import MakePlatform
from tests.acceptance.reporting import START, Platform, ids, known
from tests.cli.calling import Run
from tests.services.webhooks.calling import BODY, OLD, SECRET, headers

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
    with weave.records() as connection:
        assert known(WorkflowRepository(connection).get("wf-1")).status == "draft"
    for said, status in (("published", "published"), ("withdrawn", "draft"), ("archived", "archived")):
        weave.report(f"workflow.{said}", "wf-1")
        with weave.records() as connection:
            assert known(WorkflowRepository(connection).get("wf-1")).status == status
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
    with weave.records() as connection:
        assert known(McpServerRepository(connection).get("mcp-1")).status == "disconnected"
    for said, data, status in (
        ("connected", {"tool_count": 14}, "connected"), ("failed", {"error": {"message": "exit 1"}}, "error"),
        ("disconnected", {"reason": "quit"}, "disconnected"), ("connected", {"tool_count": 15}, "connected"),
    ):  # fmt: skip
        weave.report(f"mcp_server.{said}", "mcp-1", **data)
        with weave.records() as connection:
            assert known(McpServerRepository(connection).get("mcp-1")).status == status
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


def test_a_schedule_fires(weave: Platform) -> None:
    """The report: "enabled, run times": each due time starts one execution."""
    weave.report("schedule.created", "sched-1", workflow_id="wf-1", expression="30 8 * * 1-5", timezone="Europe/Berlin",
                 input={"report": "daily"})  # fmt: skip
    weave.office.drain()
    scheduler = partial(
        Scheduler, weave.office.client, weave.office.settings, weave.storage, weave.publisher,
        own_signer(weave.settings), clock=lambda: weave.clock,
    )  # fmt: skip
    assert scheduler().run()["fired"] == 0
    with weave.records() as connection:
        (due,) = ScheduleDueRepository(connection).upcoming().items
        tuesday = datetime(2026, 3, 3, 7, 30, tzinfo=UTC)
        assert due.next_due_at == tuesday
    weave.clock = tuesday
    assert (scheduler().run()["fired"], scheduler().run()["fired"]) == (1, 0)
    with weave.records() as connection:
        schedule = known(ScheduleRepository(connection).get("sched-1"))
        assert schedule.last_due_at == tuesday
        started = known(ExecutionRepository(connection).get(known(schedule.last_execution_id)))
        assert (started.workflow_id, started.trigger_type, started.input, started.created_at) == (
            "wf-1", "schedule", {"report": "daily"}, tuesday
        )  # fmt: skip


def test_a_webhook_is_called(weave: Platform, vault_keys: VaultKeyFile) -> None:
    """The report: "secret, allowed IPs, input mapping": a call that is signed and allowed starts one execution."""
    vault = Vault(weave.storage, vault_keys)
    vault.set("shop", SECRET, by="ada")
    weave.report("webhook.created", "hook_1", workflow_id="wf-1", secret_names=["shop"], allowed_ips=["192.0.2.0/24"],
                 input_mapping={"order": "/order/id"})  # fmt: skip
    weave.office.drain()
    with WebhookReceiver(weave.settings, weave.storage, vault) as receiver:
        received = receiver.receive("hook_1", headers("msg_1"), BODY, "192.0.2.7")
        again = receiver.receive("hook_1", headers("msg_1"), BODY, "192.0.2.7")
        assert (again.execution_id, again.repeated) == (received.execution_id, True)
        for wrong, address in ((headers("msg_2"), "198.51.100.1"), (headers("msg_3", secret=OLD), "192.0.2.7")):
            with pytest.raises(WebhookRefused):
                receiver.receive("hook_1", wrong, BODY, address)
    with weave.records() as connection:
        (execution,) = ExecutionRepository(connection).newest(workflow_id="wf-1").items
        assert (execution.id, execution.trigger_type, execution.input) == (
            received.execution_id, "webhook", {"order": 7}
        )  # fmt: skip


def test_secret(weave: Platform, vault_keys: VaultKeyFile, run: Run) -> None:
    """The report: "**Secret** (encrypted, key version)"."""
    assert run("vault", "set", "SLACK", input=b"xoxb-0123456789").code == 0
    assert run("vault", "key").code == 0
    assert run("vault", "set", "GITHUB", input=b"ghp-0123456789").code == 0
    vault = Vault(weave.storage, vault_keys)
    assert [(one.name, one.key_version) for one in vault.list().items] == [("GITHUB", 2), ("SLACK", 1)]
    assert run("vault", "rotate").code == 0
    assert [(one.name, one.key_version) for one in vault.list().items] == [("GITHUB", 2), ("SLACK", 2)]
    assert vault.get("SLACK").get_secret_value() == b"xoxb-0123456789"
    assert run("vault", "delete", "SLACK").code == 0
    with pytest.raises(UnknownSecret):
        vault.get("SLACK")


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
