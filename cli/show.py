"""`flowledger show ID`: one record, or a conversation, as a person wants to read it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection

from cli import screen
from cli.conversation import Said, conversation, panel
from domain.errors import LedgerError
from domain.records import Delivery, Execution, ExecutionLog, Message, Sandbox, Task, TaskLog, Workspace
from storage.paging import MAX_LIMIT
from storage.repositories import (
    DeliveryRepository,
    ExecutionLogRepository,
    ExecutionRepository,
    MessageRepository,
    SandboxRepository,
    TaskLogRepository,
    TaskRepository,
    WorkspaceRepository,
)

_LINE = 200


class NotFound(LedgerError):
    """Nothing that is recorded has this id (yet): see `flowledger status` for what waits to be recorded."""


@dataclass(frozen=True, slots=True)
class Shown:
    """All that is known of one id: the records that have it, and the lists that belong to them."""

    subject: str
    execution: Execution | None
    nodes: tuple[ExecutionLog, ...]
    tasks: tuple[Task, ...]
    task: Task | None
    message: Message | None
    deliveries: tuple[Delivery, ...]
    workspace: Workspace | None
    sandboxes: tuple[Sandbox, ...]
    sandbox: Sandbox | None
    log: tuple[TaskLog, ...]
    more_log: bool
    thread: tuple[Said, ...] = ()


def find(connection: Connection, subject: str) -> Shown:
    """Everything under the id `subject`; raises NotFound."""
    execution = ExecutionRepository(connection).get(subject)
    task = TaskRepository(connection).get(subject)
    message = MessageRepository(connection).get(subject)
    workspace = WorkspaceRepository(connection).get(subject)
    sandbox = SandboxRepository(connection).get(subject)
    thread = conversation(connection, subject)
    if not (execution or task or message or workspace or sandbox or thread):
        raise NotFound(f"nothing recorded has the id {subject!r}; `flowledger status` shows what waits to be recorded")
    logs = TaskLogRepository(connection)
    log = logs.of_task(subject, limit=_LINE) if task else logs.of_execution(subject, limit=_LINE)
    return Shown(
        subject=subject,
        execution=execution,
        nodes=ExecutionLogRepository(connection).of_execution(subject, limit=MAX_LIMIT).items if execution else (),
        tasks=TaskRepository(connection).of_execution(subject, limit=MAX_LIMIT).items if execution else (),
        task=task,
        message=message,
        deliveries=DeliveryRepository(connection).of_message(subject, limit=MAX_LIMIT).items if message else (),
        workspace=workspace,
        sandboxes=SandboxRepository(connection).of_workspace(subject, limit=MAX_LIMIT).items if workspace else (),
        sandbox=sandbox,
        log=log.items,
        more_log=log.cursor is not None,
        thread=thread,
    )


def print_shown(shown: Shown) -> None:
    """The record, then what belongs to it."""
    for part in _parts(shown):
        screen.out.print(part)


def _parts(shown: Shown) -> Iterator[RenderableType]:
    records = {"execution": shown.execution, "task": shown.task, "workspace": shown.workspace, "sandbox": shown.sandbox}
    for kind, record in records.items():
        if record is not None:
            yield _record(kind, record)
    if shown.nodes:
        yield _nodes(shown.nodes)
    if shown.tasks:
        yield _tasks(shown.tasks)
    if shown.log:
        yield _log(shown.log, more=shown.more_log)
    if shown.message is not None:
        yield _message(shown.message, shown.deliveries)
    if shown.sandboxes:
        yield _sandboxes(shown.sandboxes)
    if shown.thread:
        yield panel(shown.subject, shown.thread)


def _record(kind: str, record: Execution | Task | Workspace | Sandbox) -> Panel:
    """The fields that have a value, in the order of the table."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name in record.__slots__:
        value: Any = getattr(record, name)
        if value is None or name in ("id", "status", "took_seconds"):
            continue
        shown = screen.words(screen.time(value) if name.endswith("_at") else value)
        grid.add_row(name, _error(value) if name == "error" else shown)
    took = screen.duration(record.took_seconds) if isinstance(record, Execution | Task) else ""
    if took:
        grid.add_row("took", took)
    title = Text.assemble(f"{kind} ", (screen.safe(record.id), "bold"), " ", screen.status(record.status))
    return Panel(grid, title=title, title_align="left")


def _error(error: dict[str, Any]) -> Group:
    kind = f"{error['type']}: " if error.get("type") else ""
    parts = [screen.words(f"{kind}{error.get('message', '')}", "red")]
    if error.get("traceback"):
        parts.append(screen.words(error["traceback"], "dim"))
    return Group(*parts)


def _nodes(nodes: tuple[ExecutionLog, ...]) -> Table:
    table = Table(
        "node", "iteration", "attempt", "status", "started", "took", "said", title="Nodes", title_justify="left"
    )
    for run in nodes:
        said = run.error["message"] if run.error else run.reason or run.output
        table.add_row(
            screen.words(run.node), str(run.iteration), str(run.attempt), screen.status(run.status),
            screen.time(run.started_at), screen.duration(run.took_seconds), screen.words(said, limit=60),
        )  # fmt: skip
    return table


def _tasks(tasks: tuple[Task, ...]) -> Table:
    table = Table("task", "name", "status", "attempt", "created", "took", title="Tasks", title_justify="left")
    for task in tasks:
        table.add_row(
            screen.words(task.id), screen.words(task.name, limit=40), screen.status(task.status), str(task.attempt),
            screen.time(task.created_at), screen.duration(task.took_seconds),
        )  # fmt: skip
    return table


def _sandboxes(sandboxes: tuple[Sandbox, ...]) -> Table:
    title = "Sandboxes" if len(sandboxes) < MAX_LIMIT else f"Sandboxes, the newest {MAX_LIMIT:,}"
    table = Table("sandbox", "name", "status", "since", "agent", "health", title=title, title_justify="left")
    for sandbox in sandboxes:
        table.add_row(
            screen.words(sandbox.id), screen.words(sandbox.name, limit=40), screen.status(sandbox.status),
            screen.time(sandbox.status_at), screen.words(sandbox.agent_id),
            screen.words((sandbox.health or {}).get("status"), limit=40),
        )  # fmt: skip
    return table


def _log(lines: tuple[TaskLog, ...], *, more: bool) -> Table:
    title = f"Log, the first {len(lines)} lines" if more else "Log"
    table = Table.grid(padding=(0, 2))
    table.title, table.title_justify = title, "left"
    for line in lines:
        style = screen.LEVEL_STYLES.get(line.level, "")
        where = f"{line.node}: " if line.node else ""
        message = screen.words(where + line.message, style)
        if line.context:
            message.append(f"  {screen.safe(screen.json_words(line.context))}", style="dim")
        table.add_row(Text(screen.time(line.time), style="dim"), Text(line.level, style=style), message)
    return table


def _message(message: Message, deliveries: tuple[Delivery, ...]) -> Panel:
    content = message.content if isinstance(message.content, str) else screen.json_words(message.content)
    table = Table("to", "status", "sent", "delivered", "reason", box=None)
    for delivery in deliveries:
        table.add_row(
            screen.words(delivery.to_sandbox_id), screen.status(delivery.status), screen.time(delivery.sent_at),
            screen.time(delivery.delivered_at), screen.words(delivery.reason),
        )  # fmt: skip
    names = ("from_sandbox_id", "workspace_id", "thread_id", "in_reply_to", "execution_id", "task_id", "priority")
    facts = [
        screen.words(f"{name}: {getattr(message, name)}", "dim") for name in names if getattr(message, name) is not None
    ]
    times = screen.words(f"created_at: {screen.time(message.created_at)}", "dim")
    title = Text.assemble("message ", (screen.safe(message.id), "bold"), " ", message.message_type or "not sent yet")
    return Panel(Group(*facts, times, screen.words(content), table), title=title, title_align="left")
