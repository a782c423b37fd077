"""Who owns each group of a row, by section 3 of the contract, written a second time as the rest of the oracle is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tests.oracle import (
    AGENT_DESCRIPTION,
    DELIVERY,
    EXECUTION_DESCRIPTION,
    SANDBOX_DESCRIPTION,
    TASK_DESCRIPTION,
    WORKFLOW_DESCRIPTION,
    WORKSPACE_DESCRIPTION,
    failing,
    recipients,
    run,
)
from tests.oracle.events import PLACES, Event, Recorded, instant, read
from tests.oracle.governed import CUSTOM_NODE, MCP_SERVER, SCHEDULE, USER, WEBHOOK
from tests.oracle.rule import Key, event_key, of, order
from tests.oracle.shared import COLLABORATION_DESCRIPTION, KNOWLEDGE_DESCRIPTION

Name = tuple[str, str]
Owners = dict[tuple[str, Key, str], set[Name]]
"""By table, key of the row and a column of the group: the events, by source and id, of which any one may be named."""

DESCRIPTIONS = {
    "execution": EXECUTION_DESCRIPTION, "task": TASK_DESCRIPTION, "workspace": WORKSPACE_DESCRIPTION,
    "sandbox": SANDBOX_DESCRIPTION, "agent": AGENT_DESCRIPTION, "workflow": WORKFLOW_DESCRIPTION, "user": USER,
    "custom_node": CUSTOM_NODE, "mcp_server": MCP_SERVER, "webhook": WEBHOOK, "schedule": SCHEDULE,
    "collaboration": COLLABORATION_DESCRIPTION, "knowledge": KNOWLEDGE_DESCRIPTION, "message": (),
}  # fmt: skip
TABLES = {
    "execution": "executions", "task": "tasks", "workspace": "workspaces", "sandbox": "sandboxes", "agent": "agents",
    "workflow": "workflows", "user": "users", "custom_node": "custom_nodes", "mcp_server": "mcp_servers",
    "webhook": "webhooks", "schedule": "schedules", "collaboration": "collaborations", "knowledge": "knowledge",
    "message": "messages",
}  # fmt: skip
UPDATED = frozenset(TABLES) - {"execution", "task", "workspace", "sandbox", "message"}
"""The kinds whose rows have `updated_at`."""


def owners(journal: Iterable[Recorded]) -> Owners:
    """The owners of all groups that have one, of the rows of subjects, node runs, deliveries, failures and versions."""
    events = [read(recorded) for recorded in journal]
    found: Owners = {}
    for kind, table in TABLES.items():
        about = [e for e in events if e.kind == kind or (kind == "execution" and e.kind == "node")]
        for key, some in _rows(((e.subject,), e) for e in about).items():
            _subject(found, kind, (table, key), some)
    for kind in ("execution", "task"):
        for key, some in _rows(failing(events, kind)).items():
            found[f"{kind}_failures", key, "failed_at"] = _greatest(some, event_key)
    for key, some in _rows((run(e), e) for e in events if e.kind == "node").items():
        where = ("execution_logs", key)
        _put(found, where, "status", _greatest(some, event_key))
        _started(found, where, of(some, "node.started"), "input")
    for key, some in _rows(((e.subject, to), e) for e in events for to in recipients(e)).items():
        where = ("message_deliveries", key)
        _put(found, where, "status", _greatest(some, lambda e: (DELIVERY[e.type], event_key(e))))
        _put(found, where, "sent_at", _earliest(of(some, "message.dispatched")))
        _put(found, where, "delivered_at", _earliest(of(some, "message.delivered")))
    versions = of(events, "workflow.versioned")
    for key, some in _rows(((e.subject, e.data["version"]), e) for e in versions).items():
        found["workflow_versions", key, "definition"] = {_name(min(some, key=order))}
    return found


def _subject(found: Owners, kind: str, where: tuple[str, Key], events: list[Event]) -> None:
    own = [e for e in events if e.kind == kind]
    for field in DESCRIPTIONS[kind]:
        carriers = [e for e in of(own, f"{kind}.created") if e.get(field) is not None]
        carriers += [e for e in of(own, f"{kind}.updated") if field in e.data]
        _put(found, where, field, _greatest(carriers, lambda e: (e.type.endswith(".updated"), order(e))))
    reports, key = [e for e in own if e.report], event_key
    if not reports:
        reports, key = [e for e in own if e.type in PLACES], order
    _put(found, where, "status", _greatest(reports, key))
    maker = "message.sent" if kind == "message" else f"{kind}.created"
    makers, timed = of(events, maker), [e for e in events if e.time]
    _put(found, where, "created_at", _earliest([e for e in makers if e.time] or timed or makers or events))
    if kind in UPDATED:
        some = timed or events
        _put(found, where, "updated_at", {_name(e) for e in some if e.at == max(one.at for one in some)})
        _put(found, where, "deleted_at", _greatest(of(own, f"{kind}.deleted", f"{kind}.restored"), order))
    _put(found, where, "content", _greatest(of(own, "message.sent"), event_key))
    _put(found, where, "current_state", _greatest(of(own, "execution.checkpointed"), event_key))
    _put(found, where, "progress", _greatest(of(own, f"{kind}.progressed"), event_key))
    _most(found, where, "iterations", of(own, "execution.checkpointed", "execution.completed"), "iterations")
    _most(found, where, "latest_version", of(own, "workflow.versioned"), "version")
    fired = [((instant(e.data["due_at"]), e.data["execution_id"]), e) for e in of(own, "schedule.fired")]
    _put(found, where, "last_due_at", {_name(e) for at, e in fired if at == max(one for one, _ in fired)})
    if kind in ("execution", "task", "sandbox", "collaboration"):
        _started(found, where, of(own, f"{kind}.started"), "worker" if kind == "task" else None)


def _started(found: Owners, where: tuple[str, Key], events: list[Event], column: str | None) -> None:
    _put(found, where, "started_at", _earliest(events))
    if column is not None:
        _put(found, where, column, _greatest(events, lambda e: (e.attempt, order(e))))


def _most(found: Owners, where: tuple[str, Key], column: str, events: list[Event], field: str) -> None:
    counted = [(e.get(field), e) for e in events if e.get(field) is not None]
    _put(found, where, column, {_name(e) for n, e in counted if n == max(one for one, _ in counted)})


def _put(found: Owners, where: tuple[str, Key], column: str, names: set[Name]) -> None:
    if names:
        found[(*where, column)] = names


def _rows(about: Iterable[tuple[Key, Event]]) -> dict[Key, list[Event]]:
    groups: dict[Key, list[Event]] = {}
    for key, event in about:
        groups.setdefault(key, []).append(event)
    return groups


def _greatest(events: list[Event], key: Callable[[Event], Any]) -> set[Name]:
    return {_name(max(events, key=key))} if events else set()


def _earliest(events: list[Event]) -> set[Name]:
    """Those with the earliest time; events without one take no part if another has one."""
    some = [e for e in events if e.time] or events
    return {_name(e) for e in some if e.at == min(one.at for one in some)}


def _name(event: Event) -> Name:
    return event.source, event.id
