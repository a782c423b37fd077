"""What `flowledger show` has found, as a person wants to read it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from rich.text import Text

from flowledger.cli import layout, screen
from flowledger.cli.conversation import print_conversation
from flowledger.cli.layout import Cell, Column, Row
from flowledger.cli.records import print_records
from flowledger.cli.show import LISTED, LISTS, THREAD, Shown
from flowledger.domain.advice import advice
from flowledger.domain.kinds.messages import Message

_PROBLEMS: Final = 3
"""Of a version's problems, how many are told."""
_LEVEL: Final = 8
"""Columns of the level of a log line: `critical`."""


def print_shown(shown: Shown, *, goes_on: bool = False) -> None:
    """Print the record, then what belongs to it, or, if a list `goes_on`, only that."""
    if not goes_on:
        _print_records(shown)
    for name in LISTS:
        if shown.lists.get(name):
            _LISTS.get(name, partial(_print_list, name))(shown)
    if shown.dead_letters and not goes_on:
        _print_dead_letters(shown)
    for name, cursor in shown.next.items():
        what = f"{name}, those before" if _grows(name) else f"{name}, the next ones"
        words = f"{what}: flowledger show {shlex.quote(shown.subject)} --after {cursor}"
        screen.out.print(screen.words(f"{words}; by SQL: {_by_sql(name)}", "dim"), soft_wrap=True)


def _by_sql(name: str) -> str:
    """Return where a list stands in the database."""
    if name == THREAD:
        return "messages by thread_id"
    columns = " or ".join(dict.fromkeys(listed.column for listed in LISTED[name]))
    return f"{LISTED[name][0].repository.table.name} by {columns}"


def _grows(name: str) -> bool:
    return any(listed.tail for listed in LISTED.get(name, ()))


def _print_records(shown: Shown) -> None:
    for kind, record in shown.records.items():
        if isinstance(record, Message):
            _print_message(record)
        elif record is not None:
            _print_record(kind, record)


def _title(shown: Shown, name: str, title: str) -> str:
    """Return the title of a list, and how many of it are here if these are not all."""
    here, total = len(shown.lists[name]), shown.totals[name]
    part = "the last " if _grows(name) else ""
    return title if here == total else f"{title}: {part}{here:,} of {total:,}"


def _print_dead_letters(shown: Shown) -> None:
    """Print why something about the id is not recorded, and the command that mends it."""
    total = shown.totals["dead_letters"]
    screen.out.print(Text(f"Dead letters about it: {total:,}", style="bold red"))
    for letter in shown.dead_letters:
        head = f"{letter.id}  {letter.status}  {letter.reason}"
        screen.out.print(screen.words(head, "red" if letter.status == "open" else "dim"), soft_wrap=True)
        layout.print_rows([layout.indented(screen.words(letter.detail), 4)])
        screen.out.print(screen.words(f"    to mend: {advice(letter)}", "dim"), soft_wrap=True)
    if total > len(shown.dead_letters):
        words = f"all of them: flowledger dead-letters list --status all --subject {shlex.quote(shown.subject)}"
        screen.out.print(screen.words(words, "dim"), soft_wrap=True)


def _print_record(kind: str, record: Any) -> None:
    """Print the fields that have a value, in the order of the table."""
    pairs: list[tuple[str, Cell]] = []
    for name in record.__slots__:
        value: Any = getattr(record, name)
        if value is None or name in ("id", "status", "took_seconds"):
            continue
        shown = screen.words(screen.time(value) if name.endswith("_at") else value)
        pairs.append((name, _error(value) if name == "error" else shown))
    took = screen.duration(getattr(record, "took_seconds", None))
    if took:
        pairs.append(("took", took))
    title = Text.assemble(f"{kind} ", (screen.safe(record.id), "bold"))
    if hasattr(record, "status"):
        title.append(" ").append_text(screen.status(record.status))
    layout.print_box(title, layout.facts(pairs))


def _error(error: dict[str, Any]) -> Text:
    kind = f"{error['type']}: " if error.get("type") else ""
    words = screen.words(f"{kind}{error.get('message', '')}", "red")
    if error.get("traceback"):
        words.append("\n").append_text(screen.words(error["traceback"].rstrip("\n"), "dim"))
    return words


def _print_list(name: str, shown: Shown) -> None:
    """Print a list that has no form of its own as `flowledger list` does."""
    of = LISTED[name][0]
    title = f"{name.capitalize()}, newest first"
    print_records(_title(shown, name, title), of.repository, shown.lists[name], without={of.column})


def _print_nodes(shown: Shown) -> None:
    columns = [*map(Column, ("node", "iteration", "attempt", "status", "started", "took")), Column("said", wraps=True)]
    rows: list[list[Cell]] = []
    for run in shown.lists["nodes"]:
        said = run.error["message"] if run.error else run.reason or run.output
        rows.append([
            screen.words(run.node), str(run.iteration), str(run.attempt), screen.status(run.status),
            screen.time(run.started_at), screen.duration(run.took_seconds), screen.words(said, limit=60),
        ])  # fmt: skip
    layout.print_table(_title(shown, "nodes", "Nodes"), columns, rows)


def _print_tasks(shown: Shown) -> None:
    columns = [Column("task"), Column("name", wraps=True), *map(Column, ("status", "attempt", "created", "took"))]
    rows: list[list[Cell]] = [
        [
            screen.words(task.id), screen.words(task.name, limit=40), screen.status(task.status), str(task.attempt),
            screen.time(task.created_at), screen.duration(task.took_seconds),
        ]
        for task in shown.lists["tasks"]
    ]  # fmt: skip
    layout.print_table(_title(shown, "tasks", "Tasks"), columns, rows)


def _print_sandboxes(shown: Shown) -> None:
    columns = [
        Column("sandbox"), Column("name", wraps=True), *map(Column, ("status", "since", "agent")),
        Column("health", wraps=True),
    ]  # fmt: skip
    rows: list[list[Cell]] = [
        [
            screen.words(sandbox.id), screen.words(sandbox.name, limit=40), screen.status(sandbox.status),
            screen.time(sandbox.status_at), screen.words(sandbox.agent_id),
            screen.words((sandbox.health or {}).get("status"), limit=40),
        ]
        for sandbox in shown.lists["sandboxes"]
    ]  # fmt: skip
    layout.print_table(_title(shown, "sandboxes", "Sandboxes, the newest first"), columns, rows)


def _print_versions(shown: Shown) -> None:
    """Print the versions of a workflow, which one is published, and what is wrong with each."""
    published = shown.records["workflow"].published_version
    columns = [
        *map(Column, ("version", "created", "by")),
        Column("note", wraps=True),
        Column("problems", wraps=True),
    ]
    rows: list[list[Cell]] = []
    for version in shown.lists["versions"]:
        problems = [f"{one['path']} {one['what']}" for one in version.problems or ()]
        more = ["…"] if len(problems) > _PROBLEMS else []
        rows.append([
            f"{version.version} published" if version.version == published else str(version.version),
            screen.time(version.created_at), screen.words(version.user_id), screen.words(version.note, limit=60),
            screen.words("; ".join([*problems[:_PROBLEMS], *more]), "red"),
        ])  # fmt: skip
    layout.print_table(_title(shown, "versions", "Versions, the greatest first"), columns, rows)


def _print_log(shown: Shown) -> None:
    screen.out.print(Text(_title(shown, "log", "Log"), style="italic"))
    rows = []
    for line in shown.lists["log"]:
        style = screen.LEVEL_STYLES.get(line.level, "")
        where = f"{line.node}: " if line.node else ""
        message = screen.words(where + line.message, style)
        if line.context:
            message.append(f"  {screen.safe(screen.json_words(line.context))}", style="dim")
        lead = Text.assemble((screen.time(line.time), "dim"), "  ", (line.level.ljust(_LEVEL), style), "  ")
        rows.append(Row(lead, message))
    layout.print_rows(rows)


def _print_deliveries(shown: Shown) -> None:
    columns = [*map(Column, ("to", "status", "sent", "delivered")), Column("reason", wraps=True)]
    rows: list[list[Cell]] = [
        [
            screen.words(delivery.to_sandbox_id), screen.status(delivery.status), screen.time(delivery.sent_at),
            screen.time(delivery.delivered_at), screen.words(delivery.reason),
        ]
        for delivery in shown.lists["deliveries"]
    ]  # fmt: skip
    layout.print_table(_title(shown, "deliveries", "Recipients"), columns, rows)


def _print_thread(shown: Shown) -> None:
    print_conversation(shown.subject, shown.lists["thread"], shown.totals["thread"])


def _print_message(message: Message) -> None:
    content = message.content if isinstance(message.content, str) else screen.json_words(message.content)
    names = ("from_sandbox_id", "workspace_id", "thread_id", "in_reply_to", "execution_id", "task_id", "priority")
    known = [(name, getattr(message, name)) for name in names]
    pairs = [(name, screen.words(value)) for name, value in known if value is not None]
    rows = layout.facts([*pairs, ("created_at", screen.time(message.created_at))])
    title = Text.assemble("message ", (screen.safe(message.id), "bold"), " ", message.message_type or "not sent yet")
    layout.print_box(title, [*rows, layout.indented(screen.words(content), 0)])


_LISTS: Final[dict[str, Callable[[Shown], None]]] = {
    "nodes": _print_nodes,
    "tasks": _print_tasks,
    "deliveries": _print_deliveries,
    "sandboxes": _print_sandboxes,
    "versions": _print_versions,
    "log": _print_log,
    THREAD: _print_thread,
}
"""The lists that have a form of their own."""
