"""What stands in the database at the end of a run, read back through the repositories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy import Connection

from cli.demo import measures
from cli.demo.fleet import REVIEWER, WATCHER, Fleet
from cli.demo.measures import Measures
from domain.records import Execution, ExecutionLog, Message, Task, TaskLog
from storage.paging import MAX_LIMIT, Page
from storage.repositories import (
    DeliveryRepository,
    ExecutionLogRepository,
    ExecutionRepository,
    MessageRepository,
    TaskLogRepository,
    TaskRepository,
)

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
class Exchange:
    """A message between members, by their names; `deliveries` are how many stand at each status."""

    time: datetime
    sender: str
    recipients: tuple[str, ...]
    message_type: str | None
    text: str
    deliveries: dict[str, int]


@dataclass(frozen=True, slots=True)
class Summary:
    """All that the demo shows at its end."""

    executions: tuple[ExecutionSummary, ...]
    tasks: dict[str, int]
    failed: tuple[Task, ...]
    messages: int
    deliveries: dict[str, int]
    shown_task: TaskSummary
    conversation: tuple[Exchange, ...]
    result: dict[str, Any]
    measures: Measures


def read_summary(connection: Connection, fleet: Fleet, published: int, longest_backlog: int) -> Summary:
    """Reads back a finished run, of which so many events were published."""
    executions = _executions(connection, fleet)
    tasks = [task for each in executions for task in _tasks(connection, each.id)]
    exchanges = {message.id: _exchange(connection, fleet, message) for message in _messages(connection, fleet)}
    project = next(each for each in executions if each.id == fleet.execution_id)
    deliveries: Counter[str] = Counter()
    for exchange in exchanges.values():
        deliveries.update(exchange.deliveries)
    return Summary(
        executions=tuple(_execution_summary(connection, each) for each in executions),
        tasks=dict(Counter(task.status for task in tasks)),
        failed=tuple(task for task in tasks if task.status == "failed"),
        messages=len(exchanges),
        deliveries=dict(deliveries),
        shown_task=_task_worth_showing(connection, tasks),
        conversation=_conversation_worth_showing(connection, fleet, executions),
        result=project.output,
        measures=_measures(connection, fleet, published, longest_backlog),
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


def _exchange(connection: Connection, fleet: Fleet, message: Message) -> Exchange:
    deliveries = DeliveryRepository(connection).of_message(message.id, limit=MAX_LIMIT).items
    return Exchange(
        time=message.created_at,
        sender=fleet.name_of(message.from_sandbox_id),
        recipients=tuple(sorted(fleet.name_of(delivery.to_sandbox_id) for delivery in deliveries)),
        message_type=message.message_type,
        text=str(message.content["text"] if isinstance(message.content, dict) else message.content),
        deliveries=dict(Counter(delivery.status for delivery in deliveries)),
    )


def _task_worth_showing(connection: Connection, tasks: list[Task]) -> TaskSummary:
    """The review with the most to say that still fits the screen."""
    logs = TaskLogRepository(connection)
    reviews = [task for task in tasks if task.kind == "review"] or tasks
    found = [TaskSummary(task, logs.of_task(task.id, limit=MAX_LIMIT).items) for task in reviews]
    fitting = [each for each in found if len(each.log) <= SHOWN_LOG_LINES] or found
    return max(fitting, key=lambda each: (sum(line.level == "warning" for line in each.log), len(each.log)))


def _conversation_worth_showing(
    connection: Connection, fleet: Fleet, executions: list[Execution]
) -> tuple[Exchange, ...]:
    """The shortest conversation in which somebody asked back."""
    messages = MessageRepository(connection)
    threads = {message.execution_id: message.thread_id for message in _messages(connection, fleet)}
    found = []
    for execution in executions[1:]:
        thread = messages.of_thread(threads[execution.id] or "", limit=MAX_LIMIT).items
        found.append(tuple(_exchange(connection, fleet, message) for message in thread))
    return max(found, key=lambda thread: (_asks_back(thread), -len(thread)))


def _asks_back(thread: tuple[Exchange, ...]) -> bool:
    return any(one.sender == REVIEWER and one.message_type == "request" for one in thread)


def _measures(connection: Connection, fleet: Fleet, published: int, longest_backlog: int) -> Measures:
    recorded = measures.recorded(connection, fleet.sources)
    work = measures.recorded(connection, [source for source in fleet.sources if source != fleet.member(WATCHER).source])
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
