"""The last screen of the demo: what a person wants to see of what was recorded."""

from __future__ import annotations

from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from flowledger.cli import screen
from flowledger.cli.demo.measures import Latency
from flowledger.cli.demo.post import Post
from flowledger.cli.demo.summary import ExecutionSummary, Summary, TaskSummary

WIDTH: Final = 100
_NAME_WIDTH: Final = 74
_LINE_WIDTH: Final = 74
_TEXT_WIDTH: Final = 52


def print_summary(summary: Summary, console: Console) -> None:
    """Executions, a task with its log, a conversation, the result and the figures."""
    for part in (
        _executions(summary.executions),
        _task(summary.shown_task),
        _messages(summary.post),
        _result(summary),
        _measures(summary),
    ):
        console.print(part, width=min(WIDTH, console.width))
        console.print()


def _executions(executions: tuple[ExecutionSummary, ...]) -> Table:
    table = _table("Executions")
    table.expand, table.padding = True, (0, 1, 0, 0)  # so it fits 80 columns, and fills more
    for name in ("execution", "status", "nodes", "rounds", "tasks", "took"):
        table.add_column(name, justify="right" if name in ("rounds", "took") else "left", no_wrap=name != "nodes")
    for place, each in enumerate(executions):
        execution = each.execution
        branch = "" if place == 0 else "└ " if place == len(executions) - 1 else "├ "
        table.add_row(
            Text.assemble((branch, "dim"), screen.words(each.name, limit=16)),
            screen.status(execution.status),
            _nodes(each),
            "" if execution.iterations is None else str(execution.iterations),
            _tasks(each.tasks),
            screen.duration(execution.took_seconds),
        )
    return table


def _nodes(each: ExecutionSummary) -> Text:
    """Each node in the order of its first run, in the colour of its last; a loop runs a node once a round."""
    last = {run.node: run for run in sorted(each.nodes, key=lambda run: str(run.started_at))}
    text = Text()
    for node, run in last.items():
        text.append(" ▸ " if text else "", style="dim")
        text.append_text(screen.words(node, screen.STATUS_STYLES.get(run.status, ""), limit=16))
    return text


def _tasks(counts: dict[str, int]) -> Text:
    """How many there are, and what became of those that did not complete."""
    others = {status: count for status, count in counts.items() if status != "completed"}
    text = Text(str(sum(counts.values())))
    return text.append(", ").append_text(_counts(others)) if others else text


def _task(shown: TaskSummary) -> Table:
    task = shown.task
    table = _table(Text.assemble("A task and its log: ", screen.words(task.name, limit=_NAME_WIDTH)))
    table.show_header, table.expand = False, True
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    table.add_column(ratio=1)
    for line in shown.log:
        style = screen.LEVEL_STYLES.get(line.level, "")
        message = screen.words(line.message, style, limit=_LINE_WIDTH)
        table.add_row(screen.time(line.time)[11:], Text(line.level, style=style), message)
    took = screen.duration(task.took_seconds)
    end = Text.assemble(f"after {took} by " if took else "by ", screen.words(task.worker, limit=16))
    table.add_row(screen.time(task.finished_at)[11:], screen.status(task.status), end)
    return table


def _messages(post: Post) -> Table:
    """Each message with its sender and recipients, and whether they have dealt with it."""
    table = _table("A conversation between sandboxes, and what was said to all of them")
    table.show_header = False
    table.add_column(style="dim", no_wrap=True)
    table.add_column(no_wrap=True)
    for one in sorted((*post.conversation, *post.broadcasts), key=lambda one: one.time):
        is_answer = one.message_type == "response"
        to = one.recipients[0] if len(one.recipients) == 1 else f"all {len(one.recipients)}"
        delivered = one.deliveries.keys() == {"delivered"}
        table.add_row(
            screen.time(one.time)[11:],
            Text.assemble(screen.words(one.sender, limit=12), (" ▸ ", "dim"), screen.words(to, limit=12)),
            screen.words(f"↳ {one.text}" if is_answer else one.text, limit=_TEXT_WIDTH),
            Text("✓", style="green") if delivered else _counts(one.deliveries),
        )
    caption = Text("✓ delivered: all who got it have dealt with it", style="dim")
    table.caption, table.caption_justify = caption, "left"
    return table


def _result(summary: Summary) -> Table:
    table = _table("What the agents found")
    table.show_header = False
    table.add_row(screen.words(summary.result["text"]))
    for finding in summary.result["weightiest"]:
        table.add_row(screen.words(f"{finding['path']}:{finding['line']}  {finding['words']}", limit=WIDTH - 2))
    for task in summary.failed:
        message = (task.error or {}).get("message")
        table.add_row(screen.words(f"task failed: {task.name}: {message}", "red", limit=WIDTH - 2))
    return table


def _measures(summary: Summary) -> Table:
    figures = summary.measures
    table = _table("Measured in this run")
    table.show_header = False
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    dead = f"{figures.dead_letters:,} dead letters" if figures.dead_letters else "no dead letter"
    table.add_row("events", f"{figures.published:,} published, {figures.recorded:,} recorded, {dead}")
    table.add_row("tasks", _counts(summary.tasks))
    table.add_row(
        "sandboxes", _counts(summary.sandboxes).append("; workspace ").append_text(screen.status(summary.workspace))
    )
    table.add_row(
        "messages", Text.assemble(f"{summary.post.messages} sent; deliveries: ", _counts(summary.post.deliveries))
    )
    table.add_row("", _latency(summary.post.to_inbox, "from sent to the recipient's inbox"))
    table.add_row("", _latency(summary.post.to_delivered, "from sent to delivered: its work is done"))
    table.add_row(
        "rate",
        f"{figures.events_per_second:,.0f} events/s over the {figures.seconds:.1f} s from the first to the last record "
        "of the agents' work: their pace, who publish one event at a time and wait for each other. "
        f"Most events seen waiting at once: {figures.longest_backlog:,}",
    )
    table.add_row("latency", _latency(figures.latency_at_work, "while the agents kept this machine busy"))
    table.add_row("", _latency(figures.latency_at_rest, "when they had ended"))
    table.add_row("", "from when publish() returned to when a read of the database found the event")
    return table


def _latency(latency: Latency, when: str) -> str:
    return f"p50 {latency.p50_ms:.1f} ms, p99 {latency.p99_ms:.1f} ms, n = {latency.probes}, {when}"


def _counts(counts: dict[str, int]) -> Text:
    """`12 completed, 1 failed`, each in its colour."""
    text = Text()
    for status, count in sorted(counts.items(), key=lambda item: -item[1]):
        text.append(", " if text else "").append(f"{count:,} ").append_text(screen.status(status))
    return text


def _table(title: str | Text) -> Table:
    return Table(
        title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0), header_style="dim"
    )
