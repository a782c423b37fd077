"""What stands in the database at the end of a run, read back through the repositories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy import Connection

from flowledger.cli.demo import measures
from flowledger.cli.demo.fleet import AGENTS, WATCHER, Fleet
from flowledger.cli.demo.measures import Measures
from flowledger.cli.demo.post import Post, read_post
from flowledger.domain.kinds.executions import Execution, ExecutionLog
from flowledger.domain.kinds.logs import TaskLog
from flowledger.domain.kinds.messages import Message
from flowledger.domain.kinds.tasks import Task
from flowledger.storage.kinds.executions import ExecutionLogRepository, ExecutionRepository
from flowledger.storage.kinds.logs import TaskLogRepository
from flowledger.storage.kinds.messages import MessageRepository
from flowledger.storage.kinds.sandboxes import SandboxRepository
from flowledger.storage.kinds.tasks import TaskRepository
from flowledger.storage.kinds.workspaces import WorkspaceRepository
from flowledger.storage.paging import MAX_LIMIT, Page

Record = TypeVar("Record")

SHOWN_LOG_LINES: Final = 10


@dataclass(frozen=True, slots=True)
class ExecutionSummary:
    """An execution with the runs of its nodes and its tasks by status."""

    name: str
    execution: Execution
    nodes: tuple[ExecutionLog, ...]
    tasks: dict[str, int]


@dataclass(frozen=True, slots=True)
class TaskSummary:
    """A task and its log, line by line."""

    task: Task
    log: tuple[TaskLog, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """All that the demo shows at its end."""

    executions: tuple[ExecutionSummary, ...]
    tasks: dict[str, int]
    failed: tuple[Task, ...]
    workspace: str
    sandboxes: dict[str, int]
    shown_task: TaskSummary
    post: Post
    result: dict[str, Any]
    measures: Measures


def read_summary(connection: Connection, fleet: Fleet, published: int, longest_backlog: int) -> Summary:
    """Reads back a finished run, of which so many events were published."""
    project, *_ = executions = _executions(connection, fleet)
    tasks = [task for each in executions for task in _tasks(connection, each.id)]
    workspace = WorkspaceRepository(connection).get(fleet.workspace_id)
    sandboxes = SandboxRepository(connection).of_workspace(fleet.workspace_id).items
    assert workspace is not None
    return Summary(
        executions=tuple(_execution_summary(connection, each) for each in executions),
        tasks=dict(Counter(task.status for task in tasks)),
        failed=tuple(task for task in tasks if task.status == "failed"),
        workspace=workspace.status,
        sandboxes=dict(Counter(sandbox.status for sandbox in sandboxes)),
        shown_task=_task_worth_showing(connection, tasks),
        post=read_post(connection, fleet, _messages(connection, fleet)),
        result=project.output,
        measures=_measures(connection, fleet, project.created_at, published, longest_backlog),
    )


def _all(page: Callable[[str | None], Page[Record]]) -> Iterator[Record]:
    """Every row of a list, page by page."""
    cursor = None
    while True:
        found = page(cursor)
        yield from found.items
        cursor = found.cursor
        if cursor is None:
            return


def _executions(connection: Connection, fleet: Fleet) -> list[Execution]:
    """The executions of this run, the project's own first, then in the order in which they began."""
    repository = ExecutionRepository(connection)
    found = _all(lambda after: repository.newest(workflow_id=fleet.workflow_id, limit=MAX_LIMIT, after=after))
    return sorted(found, key=lambda each: (each.id != fleet.execution_id, each.created_at, each.id))


def _tasks(connection: Connection, execution_id: str) -> list[Task]:
    repository = TaskRepository(connection)
    return list(_all(lambda after: repository.of_execution(execution_id, limit=MAX_LIMIT, after=after)))


def _execution_summary(connection: Connection, execution: Execution) -> ExecutionSummary:
    given = execution.input if isinstance(execution.input, dict) else {}
    return ExecutionSummary(
        name=str(given.get("package") or given.get("project")),
        execution=execution,
        nodes=ExecutionLogRepository(connection).of_execution(execution.id, limit=MAX_LIMIT).items,
        tasks=dict(Counter(task.status for task in _tasks(connection, execution.id))),
    )


def _messages(connection: Connection, fleet: Fleet) -> list[Message]:
    repository = MessageRepository(connection)
    return list(_all(lambda after: repository.of_workspace(fleet.workspace_id, limit=MAX_LIMIT, after=after)))


def _task_worth_showing(connection: Connection, tasks: list[Task]) -> TaskSummary:
    """The review with the most to say that still fits the screen."""
    logs = TaskLogRepository(connection)
    reviews = [task for task in tasks if task.kind == "review"] or tasks
    found = [TaskSummary(task, logs.of_task(task.id, limit=MAX_LIMIT).items) for task in reviews]
    fitting = [each for each in found if len(each.log) <= SHOWN_LOG_LINES] or found
    return max(fitting, key=lambda each: (sum(line.level == "warning" for line in each.log), len(each.log)))


def _measures(connection: Connection, fleet: Fleet, began: datetime, published: int, longest_backlog: int) -> Measures:
    recorded = measures.recorded(connection, fleet.sources)
    agents = [fleet.member(name).source for name in AGENTS if name != WATCHER]
    work = measures.recorded(connection, agents, since=began)
    milliseconds = _latencies(connection, fleet)
    return Measures(
        published=published,
        recorded=recorded.count,
        dead_letters=measures.dead_letters(connection, fleet.sources),
        seconds=round(work.seconds, 3),
        events_per_second=round(work.count / work.seconds, 1) if work.seconds else 0.0,
        longest_backlog=longest_backlog,
        latency_at_work=measures.latency(milliseconds[measures.AT_WORK]),
        latency_at_rest=measures.latency(milliseconds[measures.AT_REST]),
    )


def _latencies(connection: Connection, fleet: Fleet) -> dict[str, list[float]]:
    """What the watcher wrote into the log of its task, by phase."""
    repository = TaskLogRepository(connection)
    found: dict[str, list[float]] = {measures.AT_WORK: [], measures.AT_REST: []}
    for line in _all(lambda after: repository.of_task(fleet.watch_task_id, limit=MAX_LIMIT, after=after)):
        if line.context is not None:
            found[line.context["phase"]].append(line.context["milliseconds"])
    return found
