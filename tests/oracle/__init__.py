"""The contract's merge rule (sections 2 to 5) written a second time, plainly, to test the first.

Nothing is incremental, and nothing is shared with the ledger's own code: the events of a row stand in one
list, and each group of columns asks that list for its owner. The events must be valid (section 2), and each
`source` + `id` there once: the oracle does not judge them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable

from tests.oracle import measured, shared
from tests.oracle.events import Event, Recorded, instant, read
from tests.oracle.governed import custom_node, mcp_server, schedule, user, webhook
from tests.oracle.problems import problems
from tests.oracle.rule import (
    Key,
    Row,
    created_at,
    description,
    earliest,
    event_key,
    last_report,
    of,
    order,
    owner,
    record,
    status,
)

__all__ = ["Recorded", "event_key", "read", "tables"]

Tables = dict[str, dict[Key, Row]]

# Section 4: what `created` may carry.
EXECUTION_DESCRIPTION = (
    "workflow_id", "workspace_id", "sandbox_id", "agent_id", "user_id", "parent_execution_id", "retry_of",
    "mode", "trigger_type", "input", "initial_state",
)  # fmt: skip
TASK_DESCRIPTION = (
    "name", "kind", "execution_id", "parent_task_id", "retry_of", "workspace_id", "sandbox_id", "agent_id",
    "user_id", "priority", "input",
)  # fmt: skip
WORKSPACE_DESCRIPTION = ("name", "description", "user_id", "settings")
SANDBOX_DESCRIPTION = (
    "workspace_id", "name", "description", "agent_id", "user_id", "container_id", "agent_config", "resource_limits",
    "connection", "health",
)  # fmt: skip
AGENT_DESCRIPTION = (
    "name", "description", "kind", "version", "workspace_id", "user_id", "capabilities", "agent_config",
)  # fmt: skip
WORKFLOW_DESCRIPTION = ("name", "description", "workspace_id", "user_id", "visibility", "tags", "settings")
MESSAGE_COLUMNS = (
    "from_sandbox_id", "workspace_id", "message_type", "content", "thread_id", "in_reply_to", "execution_id",
    "task_id", "priority",
)  # fmt: skip

LEVELS = {"trace": "debug", "warn": "warning", "fatal": "critical"}
DELIVERY = {  # section 3: (rank, status) that each event gives to the recipients that it names
    "message.sent": (0, "pending"),
    "message.dispatched": (1, "sent"),
    "message.expired": (2, "expired"),
    "message.failed": (3, "failed"),
    "message.delivered": (4, "delivered"),
}


def tables(journal: Iterable[Recorded]) -> Tables:
    """The rows of the merged tables of section 5 by primary key: a pure function of the set of events (section 3).

    JSON columns hold Python values, times are UTC cut to the microsecond, either null is None.
    """
    events = [read(recorded) for recorded in journal]
    return {
        "executions": rows(execution, [((e.subject,), e) for e in events if e.kind in ("execution", "node")]),
        "execution_failures": rows(failure("execution"), failing(events, "execution")),
        "execution_logs": rows(node_run, [(run(e), e) for e in events if e.kind == "node"]),
        "tasks": rows(task, [((e.subject,), e) for e in events if e.kind == "task"]),
        "task_failures": rows(failure("task"), failing(events, "task")),
        "task_logs": {(e.source, e.id): log_line(e) for e in of(events, "task.logged", "execution.logged")},
        "messages": rows(message, [((e.subject,), e) for e in events if e.kind == "message"]),
        "message_deliveries": rows(delivery, [((e.subject, to), e) for e in events for to in recipients(e)]),
        "workspaces": rows(workspace, [((e.subject,), e) for e in events if e.kind == "workspace"]),
        "sandboxes": rows(sandbox, [((e.subject,), e) for e in events if e.kind == "sandbox"]),
        "agents": rows(agent, [((e.subject,), e) for e in events if e.kind == "agent"]),
        "workflows": rows(workflow, [((e.subject,), e) for e in events if e.kind == "workflow"]),
        "workflow_versions": rows(
            version, [((e.subject, e.data["version"]), e) for e in of(events, "workflow.versioned")]
        ),
        "users": rows(user, [((e.subject,), e) for e in events if e.kind == "user"]),
        "custom_nodes": rows(custom_node, [((e.subject,), e) for e in events if e.kind == "custom_node"]),
        "mcp_servers": rows(mcp_server, [((e.subject,), e) for e in events if e.kind == "mcp_server"]),
        "webhooks": rows(webhook, [((e.subject,), e) for e in events if e.kind == "webhook"]),
        "schedules": rows(schedule, [((e.subject,), e) for e in events if e.kind == "schedule"]),
        "collaborations": rows(shared.collaboration, [((e.subject,), e) for e in events if e.kind == "collaboration"]),
        "knowledge": rows(shared.knowledge, [((e.subject,), e) for e in events if e.kind == "knowledge"]),
        "metrics": {(e.source, e.id): measured.point(e) for e in of(events, "metric.recorded")},
        "metric_hours": rows(measured.total, [(measured.hour(e), e) for e in of(events, "metric.recorded")]),
        "metric_days": rows(measured.total, [(measured.day(e), e) for e in of(events, "metric.recorded")]),
        "audit_logs": {(e.source, e.id): measured.audit_line(e) for e in of(events, "audit.logged")},
    }


def rows(row: Callable[[Key, list[Event]], Row], about: Iterable[tuple[Key, Event]]) -> dict[Key, Row]:
    """One row for each key, made of all the events that are about it."""
    groups: dict[Key, list[Event]] = defaultdict(list)
    for key, event in about:
        groups[key].append(event)
    return {key: row(key, events) for key, events in groups.items()}


def failing(events: list[Event], kind: str) -> list[tuple[Key, Event]]:
    """The reports that a subject of this kind failed, or took too long (section 5)."""
    return [((e.subject,), e) for e in of(events, f"{kind}.failed", f"{kind}.timed_out")]


def run(event: Event) -> Key:
    """The run that a node's event is about: the key of `execution_logs` (section 5)."""
    return (event.subject, event.data["node"], event.get("iteration", 1), event.attempt)


def recipients(event: Event) -> set[str]:
    """The sandboxes that an event of a message names (section 4); a broadcast by itself names none."""
    if event.type == "message.sent":
        return set(event.get("to_sandbox_ids", ()))
    return {event.data["to_sandbox_id"]} if event.kind == "message" else set()


# --- the rows (section 5)


def execution(key: Key, events: list[Event]) -> Row:
    """A row of `executions`; node events make it, but write nothing of it except its age (section 3)."""
    own = [e for e in events if e.kind == "execution"]
    checkpoint = owner(of(own, "execution.checkpointed"))
    counted = [e.get("iterations") for e in of(own, "execution.checkpointed", "execution.completed")]
    return {
        "id": key[0],
        **status(own, ("output", "error", "reason", "usage", "final_state")),
        **description(own, "execution", EXECUTION_DESCRIPTION),
        "current_state": checkpoint and checkpoint.get("state"),
        "iterations": max((n for n in counted if n is not None), default=None),
        "created_at": created_at(events, "execution.created"),
        "started_at": earliest(of(own, "execution.started")),
    }


def node_run(key: Key, events: list[Event]) -> Row:
    """A row of `execution_logs`: one run of a node (section 3)."""
    start = owner(of(events, "node.started"))
    return {
        **status(events, ("output", "error", "reason", "usage", "state")),
        **dict(zip(("execution_id", "node", "iteration", "attempt"), key, strict=True)),
        "input": start and start.get("input"),
        "agent_id": start and start.get("agent_id"),
        "started_at": earliest(of(events, "node.started")),
    }


def task(key: Key, events: list[Event]) -> Row:
    """A row of `tasks`."""
    start = owner(of(events, "task.started"))
    progress = owner(of(events, "task.progressed"))
    return {
        "id": key[0],
        **status(events, ("output", "error", "reason", "usage")),
        **description(events, "task", TASK_DESCRIPTION),
        "worker": start and start.get("worker"),
        "progress": progress and float(progress.data["progress"]),
        "progress_message": progress and progress.get("message"),
        "created_at": created_at(events, "task.created"),
        "started_at": earliest(of(events, "task.started")),
    }


def failure(kind: str) -> Callable[[Key, list[Event]], Row]:
    """A row of `execution_failures` or `task_failures`: the failing report with the greatest key."""
    return lambda key, events: {f"{kind}_id": key[0], "failed_at": max(events, key=event_key).at}


def log_line(event: Event) -> Row:
    """A row of `task_logs`, from `task.logged` or `execution.logged` (section 4)."""
    of_execution = event.type == "execution.logged"
    level = event.get("level", "info").lower()
    return {
        "source": event.source,
        "event_id": event.id,
        "recorded_at": event.recorded_at,
        "task_id": None if of_execution else event.subject,
        "execution_id": event.subject if of_execution else None,
        "node": event.get("node") if of_execution else None,
        "iteration": event.get("iteration") if of_execution else None,
        "level": LEVELS.get(level, level),
        "message": event.data["message"],
        "logger": event.get("logger"),
        "context": event.get("context"),
        "time": event.at,
        "sequence": event.sequence and re.sub("[\0\ud800-\udfff]", "\ufffd", event.sequence),
    }


def message(key: Key, events: list[Event]) -> Row:
    """A row of `messages`: one group, null until a `sent` comes (section 3)."""
    sent = owner(of(events, "message.sent"))
    expires_at = sent and sent.get("expires_at")
    return {
        "id": key[0],
        **{column: sent and sent.get(column) for column in MESSAGE_COLUMNS},
        "expires_at": expires_at and instant(expires_at),
        "created_at": created_at(events, "message.sent"),
    }


def delivery(key: Key, events: list[Event]) -> Row:
    """A row of `message_deliveries`: the greatest status reached stands (section 3)."""
    last = max(events, key=lambda e: (DELIVERY[e.type], event_key(e)))
    return {
        "message_id": key[0],
        "to_sandbox_id": key[1],
        "status": DELIVERY[last.type][1],
        "sent_at": earliest(of(events, "message.dispatched")),
        "delivered_at": earliest(of(events, "message.delivered")),
        "reason": last.get("reason") if last.type == "message.failed" else None,
    }


def workspace(key: Key, events: list[Event]) -> Row:
    """A row of `workspaces`."""
    reported, at, said = last_report(events, before="active")
    return {
        "id": key[0],
        "status": reported,
        **description(events, "workspace", WORKSPACE_DESCRIPTION),
        "reason": said.get("reason"),
        "created_at": created_at(events, "workspace.created"),
        "archived_at": at if reported == "archived" else None,
    }


def sandbox(key: Key, events: list[Event]) -> Row:
    """A row of `sandboxes`; the time of the last look at its health stands in UTC, cut to the microsecond."""
    reported, at, said = last_report(events, before="provisioning")
    described = description(events, "sandbox", SANDBOX_DESCRIPTION)
    if described["health"] and described["health"].get("checked_at"):
        checked_at = instant(described["health"]["checked_at"]).isoformat().replace("+00:00", "Z")
        described["health"] = described["health"] | {"checked_at": checked_at}
    return {
        "id": key[0],
        "status": reported,
        **described,
        "error": said.get("error"),
        "reason": said.get("reason"),
        "created_at": created_at(events, "sandbox.created"),
        "started_at": earliest(of(events, "sandbox.started")),
        "status_at": at,
    }


def agent(_key: Key, events: list[Event]) -> Row:
    """A row of `agents`."""
    return record(events, "agent", AGENT_DESCRIPTION, before="active")


def workflow(_key: Key, events: list[Event]) -> Row:
    """A row of `workflows`; the version that is published is of the report that stands."""
    _, _, said = last_report(events, before="draft")
    return {
        **record(events, "workflow", WORKFLOW_DESCRIPTION, before="draft"),
        "published_version": said.get("version"),
        "latest_version": max((e.data["version"] for e in of(events, "workflow.versioned")), default=None),
    }


def version(key: Key, events: list[Event]) -> Row:
    """A row of `workflow_versions`: the first stands, whatever came later."""
    first = min(events, key=order)
    return {
        "workflow_id": key[0],
        "version": key[1],
        "definition": first.data["definition"],
        "problems": problems(first.data["definition"]) or None,
        "user_id": first.get("user_id"),
        "note": first.get("note"),
        "created_at": first.at,
    }
