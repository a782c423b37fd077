"""What `flowledger show` has found, as a person wants to read it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from flowledger.cli import screen
from flowledger.cli.conversation import panel
from flowledger.cli.dead_letters.advice import advice
from flowledger.cli.show import Shown
from flowledger.domain.records import Execution, Message, Sandbox, Task, Workspace

_BY_SQL: Final = {
    "nodes": "execution_logs by execution_id",
    "tasks": "tasks by execution_id",
    "deliveries": "message_deliveries by message_id",
    "sandboxes": "sandboxes by workspace_id",
    "thread": "messages by thread_id",
    "log": "task_logs by task_id or execution_id",
}
"""Where each list stands in the database."""


def print_shown(shown: Shown, *, goes_on: bool = False) -> None:
    """The record, then what belongs to it, or, if a list `goes_on`, only that."""
    for part in _lists(shown) if goes_on else _parts(shown):
        screen.out.print(part)
    for name, cursor in shown.next.items():
        what = "the lines before" if name == "log" else "the next ones"
        words = f"{what}: flowledger show {shlex.quote(shown.subject)} --after {cursor}"
        by_sql = f"; by SQL: {_BY_SQL[name]}"
        screen.out.print(screen.words(words + by_sql, "dim"), soft_wrap=True)


def _parts(shown: Shown) -> Iterator[RenderableType]:
    records = {"execution": shown.execution, "task": shown.task, "workspace": shown.workspace, "sandbox": shown.sandbox}
    for kind, record in records.items():
        if record is not None:
            yield _record(kind, record)
    if shown.message is not None:
        yield _message(shown.message, _deliveries(shown))
    yield from _lists(shown, but="deliveries")
    if shown.dead_letters:
        yield _dead_letters(shown)


def _lists(shown: Shown, but: str = "") -> Iterator[RenderableType]:
    tables: dict[str, Callable[[Shown], RenderableType]] = {
        "nodes": _nodes, "tasks": _tasks, "deliveries": _deliveries, "sandboxes": _sandboxes, "log": _log,
        "thread": lambda found: panel(found.subject, found.thread, found.totals["thread"]),
    }  # fmt: skip
    for name, table in tables.items():
        if name != but and getattr(shown, name):
            yield table(shown)


def _title(shown: Shown, name: str, title: str) -> str:
    """The title of a list, and how many of it are here if these are not all."""
    here, total = len(getattr(shown, name)), shown.totals[name]
    part = "the last " if name == "log" and total > here else ""
    return title if here == total else f"{title}: {part}{here:,} of {total:,}"


def _dead_letters(shown: Shown) -> Group:
    """Why something about the id is not recorded, and the command that mends it."""
    total = shown.totals["dead_letters"]
    parts: list[RenderableType] = [Text(f"Dead letters about it: {total:,}", style="bold red")]
    for letter in shown.dead_letters:
        head = f"{letter.id}  {letter.status}  {letter.reason}"
        parts.append(screen.words(head, "red" if letter.status == "open" else "dim"))
        parts.append(Padding(screen.words(letter.detail), (0, 0, 0, 4)))
        parts.append(Padding(screen.words(f"to mend: {advice(letter)}", "dim"), (0, 0, 0, 4)))
    if total > len(shown.dead_letters):
        words = f"all of them: flowledger dead-letters list --status all --subject {shlex.quote(shown.subject)}"
        parts.append(screen.words(words, "dim"))
    return Group(*parts)


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


def _nodes(shown: Shown) -> Table:
    table = Table(
        "node", "iteration", "attempt", "status", "started", "took", "said",
        title=_title(shown, "nodes", "Nodes"), title_justify="left",
    )  # fmt: skip
    for run in shown.nodes:
        said = run.error["message"] if run.error else run.reason or run.output
        table.add_row(
            screen.words(run.node), str(run.iteration), str(run.attempt), screen.status(run.status),
            screen.time(run.started_at), screen.duration(run.took_seconds), screen.words(said, limit=60),
        )  # fmt: skip
    return table


def _tasks(shown: Shown) -> Table:
    title = _title(shown, "tasks", "Tasks")
    table = Table("task", "name", "status", "attempt", "created", "took", title=title, title_justify="left")
    for task in shown.tasks:
        table.add_row(
            screen.words(task.id), screen.words(task.name, limit=40), screen.status(task.status), str(task.attempt),
            screen.time(task.created_at), screen.duration(task.took_seconds),
        )  # fmt: skip
    return table


def _sandboxes(shown: Shown) -> Table:
    title = _title(shown, "sandboxes", "Sandboxes, the newest first")
    table = Table("sandbox", "name", "status", "since", "agent", "health", title=title, title_justify="left")
    for sandbox in shown.sandboxes:
        table.add_row(
            screen.words(sandbox.id), screen.words(sandbox.name, limit=40), screen.status(sandbox.status),
            screen.time(sandbox.status_at), screen.words(sandbox.agent_id),
            screen.words((sandbox.health or {}).get("status"), limit=40),
        )  # fmt: skip
    return table


def _log(shown: Shown) -> Table:
    table = Table.grid(padding=(0, 2))
    table.title, table.title_justify = _title(shown, "log", "Log"), "left"
    for line in shown.log:
        style = screen.LEVEL_STYLES.get(line.level, "")
        where = f"{line.node}: " if line.node else ""
        message = screen.words(where + line.message, style)
        if line.context:
            message.append(f"  {screen.safe(screen.json_words(line.context))}", style="dim")
        table.add_row(Text(screen.time(line.time), style="dim"), Text(line.level, style=style), message)
    return table


def _deliveries(shown: Shown) -> Table:
    title = _title(shown, "deliveries", "Recipients") if "deliveries" in shown.next else None
    table = Table("to", "status", "sent", "delivered", "reason", box=None, title=title, title_justify="left")
    for delivery in shown.deliveries:
        table.add_row(
            screen.words(delivery.to_sandbox_id), screen.status(delivery.status), screen.time(delivery.sent_at),
            screen.time(delivery.delivered_at), screen.words(delivery.reason),
        )  # fmt: skip
    return table


def _message(message: Message, deliveries: Table) -> Panel:
    content = message.content if isinstance(message.content, str) else screen.json_words(message.content)
    names = ("from_sandbox_id", "workspace_id", "thread_id", "in_reply_to", "execution_id", "task_id", "priority")
    facts = [
        screen.words(f"{name}: {getattr(message, name)}", "dim") for name in names if getattr(message, name) is not None
    ]
    times = screen.words(f"created_at: {screen.time(message.created_at)}", "dim")
    title = Text.assemble("message ", (screen.safe(message.id), "bold"), " ", message.message_type or "not sent yet")
    return Panel(Group(*facts, times, screen.words(content), deliveries), title=title, title_align="left")
