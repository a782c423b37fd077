"""The pages that are measured, and how many statements each may send to the database, whatever it has."""

from __future__ import annotations

from typing import Final, NamedTuple

from tests.pages.filled import BIG, SANDBOX, WORKFLOW

DAY: Final = "2026-02-01"


class Asked(NamedTuple):
    """A page: `most` is the greatest number of its statements."""

    title: str
    path: str
    most: int


PAGES: Final = (
    Asked("executions, newest", "/ledger/executions", 3),
    Asked("executions of a workflow", f"/ledger/executions?workflow_id={WORKFLOW}", 3),
    Asked("executions by two filters", f"/ledger/executions?workflow_id={WORKFLOW}&user_id=us_7&since={DAY}", 3),
    Asked("executions that failed", "/ledger/executions?failed=1", 3),
    Asked("executions of a workflow that failed (few)", f"/ledger/executions?failed=1&workflow_id={WORKFLOW}", 4),
    Asked("executions that run (few of many)", "/ledger/executions?status=running", 4),
    Asked("executions that are paused (none)", "/ledger/executions?status=paused", 3),
    Asked("an execution with one task", "/ledger/executions/ex_20", 15),
    Asked("an execution with many tasks: timeline", f"/ledger/executions/{BIG}", 16),
    Asked("the same: logs", f"/ledger/executions/{BIG}?tab=logs", 4),
    Asked("the same: errors in its logs", f"/ledger/executions/{BIG}?tab=logs&level=error", 4),
    Asked("the same: messages", f"/ledger/executions/{BIG}?tab=messages", 3),
    Asked("the same: events", f"/ledger/executions/{BIG}?tab=events", 5),
    Asked("tasks, newest", "/ledger/tasks", 2),
    Asked("tasks of an execution with many that failed", f"/ledger/tasks?failed=1&execution_id={BIG}", 3),
    Asked("a task", f"/ledger/tasks/{BIG}_50", 5),
    Asked("messages, newest", "/ledger/messages", 3),
    Asked("messages of a sandbox", f"/ledger/messages?sandbox={SANDBOX}", 3),
    Asked("messages that wait (few of many)", "/ledger/messages?waiting=1", 4),
    Asked("a message and its thread", "/ledger/messages/me_7", 4),
    Asked("events, last recorded", "/ledger/events", 2),
    Asked("events of a subject", "/ledger/events?subject=ex_7", 2),
    Asked("events of a type (none)", "/ledger/events?type=node.failed", 3),
    Asked("an event", "/ledger/event?source=/engine&id=e7", 2),
    Asked("an id that is not there", "/ledger/find?q=nothing", 12),
)  # fmt: skip
