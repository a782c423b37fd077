"""A small platform at work, for people to look at its pages: executions with nodes, tasks, children and messages.

`docs/images` was made from it. Chance has a seed, so the pages are the same each time, but for their times.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from flowledger.domain.times import now
from flowledger.storage.unit_of_work import Storage
from tests.builders import event
from tests.storage.recording import record

EXECUTIONS: Final = 140
FAILED: Final = "run_review_4711"
FAILED_TASK: Final = "task_4711_tests"
LAST_LINE: Final = "gave up after 3 attempts: the test runner did not answer within 30 s"
_WORKFLOWS: Final = ("wf_review", "wf_nightly", "wf_triage", "wf_release_notes")
_AGENTS: Final = ("agent_ada", "agent_grace", "agent_linus", "agent_margaret")
_BEFORE: Final = timedelta(hours=3)
_FAILED_AFTER: Final = timedelta(hours=2, minutes=40)
_SOURCE: Final = "/platform/engine"


def record_platform(storage: Storage, executions: int = EXECUTIONS) -> None:
    """Record what the platform reports, and a dead letter."""
    events = platform_events(executions)
    record(storage, *events)
    record(storage, broken_event(), start=len(events) + 1)


def platform_events(executions: int = EXECUTIONS) -> list[dict[str, Any]]:
    """What the platform reports: some executions, one of which failed while there was much to see."""
    at = now() - _BEFORE
    chance = random.Random(7)
    events = list(_failed(at + _FAILED_AFTER))
    for number in range(executions):
        events += _ordinary(chance, number, at + timedelta(seconds=72 * number))
    return events


def broken_event() -> dict[str, Any]:
    """An event of the failed task that cannot be recorded."""
    return _event("task.progressed", FAILED_TASK, now() - _BEFORE + _FAILED_AFTER, progress=101)


def _event(type_: str, subject: str, at: datetime, sequence: int | None = None, **data: Any) -> dict[str, Any]:
    numbered = {} if sequence is None else {"sequence": str(sequence)}
    return event(type_, subject=subject, source=_SOURCE, time=at.isoformat(), attributes=numbered, **data)


def _ordinary(chance: random.Random, number: int, at: datetime) -> Iterator[dict[str, Any]]:
    id_, agent = f"run_{number:04}", chance.choice(_AGENTS)

    def after(seconds: float) -> datetime:
        return at + timedelta(seconds=seconds)

    yield _event("execution.created", id_, at, workflow_id=chance.choice(_WORKFLOWS), workspace_id="ws_core",
                 agent_id=agent, user_id="user_kay")  # fmt: skip
    yield _event("execution.started", id_, after(0.4))
    end = 2.0
    for task in range(chance.randint(1, 6)):
        name, took = f"{id_}_t{task}", chance.uniform(2, 25)
        yield _event("task.created", name, after(end - 1), name="summarise", execution_id=id_, agent_id=agent)
        yield _event("task.started", name, after(end))
        yield _event("task.completed", name, after(end + took), usage={"input_tokens": chance.randint(500, 9000)})
        end += took * 0.7
    fate = chance.random()
    error = {
        "type": "BudgetExceeded",
        "message": f"the run would cost {chance.uniform(1, 9):.2f} USD; its limit is 1.00",
    }
    if fate < 0.12:
        yield _event("execution.failed", id_, after(end + 10), error=error)
    elif fate < 0.95 and number < EXECUTIONS - 3:
        yield _event("execution.completed", id_, after(end + 10), output={"ok": True})


def _failed(at: datetime) -> Iterator[dict[str, Any]]:
    """One execution of which there is much to see."""
    numbers = iter(range(1, 1000))

    def of(type_: str, subject: str, seconds: float, **data: Any) -> dict[str, Any]:
        number = next(numbers)
        return _event(type_, subject, at + timedelta(seconds=seconds), number + (number > 20), **data)

    run, child = FAILED, "run_review_4711_style"
    error = {"type": "ToolTimeout", "message": "the test runner did not answer within 30 s",
             "traceback": 'Traceback (most recent call last):\n  File "agent/tools.py", line 88, in call\n'
             "ToolTimeout: the test runner did not answer within 30 s"}  # fmt: skip
    yield of("execution.created", run, 0, workflow_id="wf_review", workspace_id="ws_core", agent_id="agent_ada",
             user_id="user_kay", trigger_type="webhook", input={"pull_request": 4711})  # fmt: skip
    yield of("execution.started", run, 0.8)
    yield of("node.started", run, 1, node="fetch")
    yield of("execution.logged", run, 1.5, level="info", message="reviewing pull request 4711: 14 files")
    yield of("node.completed", run, 6, node="fetch", usage={"input_tokens": 1200, "output_tokens": 80})
    yield of("node.started", run, 6, node="review")
    for number in range(14):
        id_, begin = f"task_4711_file_{number:02}", 6 + number * 2.2
        yield of("task.created", id_, 6 + number * 0.1, name=f"review file {number + 1}", execution_id=run)
        yield of("task.started", id_, begin)
        yield of("task.logged", id_, begin + 1, level="info", message=f"file {number + 1} of 14: nothing to say")
        usage = {
            "input_tokens": 2000 + 310 * number,
            "output_tokens": 150 + 20 * number,
            "cost_usd": 0.011 + number / 1000,
        }
        yield of("task.completed", id_, begin + 7 + number % 4, usage=usage)
    yield of("execution.created", child, 20, workflow_id="wf_style", parent_execution_id=run, agent_id="agent_grace")
    yield of("execution.started", child, 21)
    yield of("execution.completed", child, 39, usage={"input_tokens": 800, "cost_usd": 0.004})
    yield of("node.completed", run, 45, node="review", usage={"input_tokens": 42_000, "cost_usd": 0.31})
    yield of("node.started", run, 45, node="test")
    yield of("task.created", FAILED_TASK, 45, name="run the tests", execution_id=run, agent_id="agent_linus")
    yield of("task.started", FAILED_TASK, 46, worker="runner-3")
    for attempt in range(1, 4):
        yield of("task.logged", FAILED_TASK, 46 + 30 * attempt, level="warning",
                 message=f"attempt {attempt}: no answer within 30 s")  # fmt: skip
    yield of("message.sent", "msg_4711", 60, from_sandbox_id="sb_ada", to_sandbox_ids=["sb_linus", "sb_grace"],
             message_type="request", thread_id="thread_4711", workspace_id="ws_core", execution_id=run,
             task_id=FAILED_TASK, content="Is the test runner up? My call does not come back.")  # fmt: skip
    yield of("message.delivered", "msg_4711", 63, to_sandbox_id="sb_linus")
    yield of("message.sent", "msg_4712", 75, from_sandbox_id="sb_linus", to_sandbox_ids=["sb_ada"],
             thread_id="thread_4711",
             message_type="response", in_reply_to="msg_4711", workspace_id="ws_core", execution_id=run,
             content="It waits for a licence server since noon. I restart it.")  # fmt: skip
    yield of("message.delivered", "msg_4712", 76, to_sandbox_id="sb_ada")
    yield of("task.logged", FAILED_TASK, 137, level="error", message=LAST_LINE)
    yield of("task.failed", FAILED_TASK, 137.4, error=error, usage={"input_tokens": 900, "cost_usd": 0.002})
    yield of("task.created", "task_4711_report", 46, name="write the report", execution_id=run)
    yield of("node.failed", run, 138, node="test", error=error)
    yield of("execution.logged", run, 138.2, level="error", message="node test failed; there is no other way to go")
    yield of("execution.failed", run, 138.5, error=error, usage={"input_tokens": 45_100, "cost_usd": 0.33})
