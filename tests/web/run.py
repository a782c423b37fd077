"""An execution that failed, as a platform reports it: `record_run` records it, and what it is about is in constants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from flowledger.storage.unit_of_work import Storage
from tests.builders import event
from tests.storage.recording import record

BEGIN: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
RUN: Final = "exec_1"
OK_TASK: Final = "task_ok"
FAILED_TASK: Final = "task_bad"
STUCK_TASK: Final = "task_stuck"
CHILD: Final = "exec_child"
HOSTILE: Final = """<script>alert(1)</script>'"&amp;\u202e\x1b[31m"""
"""Text that would do harm if a page let it through."""


def at(seconds: float) -> str:
    """A time of the execution."""
    return (BEGIN + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def run_events(message: str = "the tool did not answer") -> list[dict[str, Any]]:
    """Its events: two nodes, three tasks of which one failed and one never began, a child, a message."""
    error = {"type": "ToolError", "message": f"{message}\nsecond line", "traceback": f"Traceback: {message}"}
    of_run = {"execution_id": RUN, "agent_id": "agent_1"}

    def of(type_: str, subject: str, seconds: float, **data: Any) -> dict[str, Any]:
        return event(type_, subject=subject, time=at(seconds), **data)

    return [
        of("execution.created", RUN, 0, workflow_id="wf_1", workspace_id="ws_1", agent_id="agent_1", user_id="user_1"),
        of("execution.started", RUN, 1),
        of("node.started", RUN, 1, node="plan"),
        of("node.completed", RUN, 5, node="plan", usage={"tokens": 5}),
        of("node.started", RUN, 5, node="act"),
        of("task.created", OK_TASK, 5, name="read", **of_run),
        of("task.started", OK_TASK, 6),
        of("task.completed", OK_TASK, 10, usage={"tokens": 10, "cost_usd": 0.5}),
        of("task.created", FAILED_TASK, 6, name=message, **of_run),
        of("task.started", FAILED_TASK, 7),
        of("task.logged", FAILED_TASK, 8, level="info", message=f"calling {message}"),
        of("task.logged", FAILED_TASK, 9, level="error", message=f"gave up: {message}"),
        of("task.failed", FAILED_TASK, 12, error=error, usage={"tokens": 7, "cost_usd": 0.25}),
        of("task.created", STUCK_TASK, 8, name="never begun", **of_run),
        of("execution.created", CHILD, 7, workflow_id="wf_2", parent_execution_id=RUN),
        of("execution.started", CHILD, 8),
        of("execution.completed", CHILD, 25),
        of("execution.logged", RUN, 13, level="warning", message=f"stopping: {message}"),
        of("message.sent", "msg_1", 9, from_sandbox_id="sb_a", to_sandbox_ids=["sb_b"], thread_id="thread_1",
           workspace_id="ws_1", execution_id=RUN, task_id=FAILED_TASK, content={"body": message}),
        of("node.failed", RUN, 14, node="act", error=error),
        of("execution.failed", RUN, 20, error=error, usage={"tokens": 22}),
    ]  # fmt: skip


def record_run(storage: Storage, message: str = "the tool did not answer") -> None:
    """Record the execution, and a dead letter about its failed task."""
    record(storage, *run_events(message))
    broken = event("task.progressed", subject=FAILED_TASK, time=at(10), progress=7, id="evt_broken")
    assert record(storage, broken, start=1000).dead == 1
