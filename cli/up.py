"""`flowledger up`: everything on one machine, one screen that says where it is, and a clean end."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cli import screen
from cli.backlog import checked
from cli.service import Running, running
from domain.settings import Settings
from workers.checks import of_all

_LOOK_SECONDS = 0.5
_RESTART_SECONDS = 2.0


def up(settings: Settings) -> None:
    """Runs the service until Ctrl-C or SIGTERM; raises LedgerError where a part does not start."""
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, stop)
    with running(settings, tell=_tell) as service:
        screen.out.print(_screen(service))
        for finding in of_all(service.settings):
            screen.err.print(checked(finding), soft_wrap=True)
        _watch(service, stopping)
    screen.out.print("stopped; everything recorded is kept")


def _tell(step: str) -> None:
    screen.err.print(Text(f"… {step}", style="dim"))


def _watch(service: Running, stopping: threading.Event) -> None:
    """Starts again what ends by itself."""
    while not stopping.wait(_LOOK_SECONDS):
        for process in service.processes:
            if not process.is_running():
                screen.err.print(
                    Text(f"{process.name} ended; starting it again (its log: {process.log})", style="yellow")
                )
                process.start()
                stopping.wait(_RESTART_SECONDS)


def _screen(service: Running) -> Panel:
    database, redis_url = service.url("database"), service.url("redis")
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("DATABASE_URL", Text(database))
    grid.add_row("REDIS_URL", Text(redis_url))
    if service.flower_url:
        grid.add_row("Flower", Text(f"{service.flower_url}  user flowledger, password {service.flower_password}"))
    grid.add_row("data and logs", Text(f"{service.settings.home}, {service.logs}"))
    grid.add_row("publish", Text("flowledger publish events.jsonl", style="green"))
    grid.add_row("see", Text("flowledger status, flowledger show ID", style="green"))
    grid.add_row("stop", "Ctrl-C")
    return Panel(grid, title="Flowledger is up", title_align="left", subtitle=time.strftime("%H:%M:%S"))
