"""The display while the agents work: how far they are, what each does, how many events were published and recorded."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.status import Status
from rich.table import Table
from rich.text import Text

from flowledger.cli import screen
from flowledger.cli.demo.fleet import AGENTS, COORDINATOR
from flowledger.cli.demo.reports import Report, State

_BAR_WIDTH = 50
_DOING_WIDTH = 60
_MARKS = {"ready": ("○", "dim"), "working": ("●", "cyan"), "ended": ("✓", "green")}


@dataclass(slots=True)
class Progress:
    """What the display knows; `published` is as the agents last reported, so it may lag behind `recorded`."""

    reports: dict[str, Report] = field(default_factory=dict)
    recorded: int = 0
    longest_backlog: int = 0
    began: float = field(default_factory=time.monotonic)

    @property
    def published(self) -> int:
        return sum(report.published for report in self.reports.values())

    def all_are(self, state: State) -> bool:
        """Whether all agents have come to this state."""
        return all(name in self.reports and self.reports[name].state == state for name in AGENTS)

    def note_backlog(self, backlog: int) -> None:
        self.longest_backlog = max(self.longest_backlog, backlog)


class Display:
    """One thing at a time on a terminal, nothing elsewhere: a step with a spinner, or the agents at work.

    Whoever prints hides it first: rich's refreshing thread and a print at the same time spoil each other's lines.
    """

    def __init__(self, console: Console) -> None:
        self.progress = Progress()
        self._console = console
        self._shown: Status | Live | None = None

    def tell(self, step: str) -> None:
        """Shows a step of starting or stopping."""
        words = Text(screen.safe(step), style="dim")
        if isinstance(self._shown, Status):
            self._shown.update(words)
        else:
            self._show(Status(words, console=self._console))

    def show_work(self) -> None:
        """Shows the agents from now on."""
        self.progress.began = time.monotonic()
        self._show(Live(get_renderable=lambda: picture(self.progress), console=self._console, transient=True))

    def hide(self) -> None:
        if self._shown is not None:
            self._shown.stop()
            self._shown = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.hide()

    def _show(self, shown: Status | Live) -> None:
        self.hide()
        self._shown = shown
        shown.start()


def picture(progress: Progress) -> RenderableType:
    """One frame of the display."""
    plan = progress.reports.get(COORDINATOR)
    done, total = (plan.files_done, plan.files) if plan and plan.files else (0, 1)
    files = Table.grid(padding=(0, 2))
    bar = ProgressBar(total=total, completed=done, width=_BAR_WIDTH)
    files.add_row("files", bar, f"{done} of {plan.files}" if plan and plan.files else "")
    published = max(progress.published, progress.recorded)
    counts = Text.assemble(
        (f"{published:,}", "bold"), " events published   ", (f"{progress.recorded:,}", "bold green"), " recorded   ",
        (f"{published - progress.recorded:,}", "bold"), " on their way   ",
        (f"{time.monotonic() - progress.began:.1f} s", "dim"),
    )  # fmt: skip
    return Group(Text("Agents at work on the files of this project", style="bold"), files, counts, _agents(progress))


def _agents(progress: Progress) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(width=1)
    table.add_column(min_width=12)
    table.add_column(justify="right", min_width=5)
    table.add_column(width=_DOING_WIDTH, no_wrap=True)
    for name in AGENTS:
        report = progress.reports.get(name)
        mark, style = _MARKS[report.state] if report else ("·", "dim")
        published = f"{report.published:,}" if report else ""
        doing = screen.words(report.doing if report else "starts", "dim", limit=_DOING_WIDTH)
        table.add_row(Text(mark, style=style), name, published, doing)
    return table
