"""`flowledger up`: everything on one machine, one screen that says where it is, and a clean end."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from flowledger.cli import screen
from flowledger.cli.service import Running, running
from flowledger.cli.signs import last_words
from flowledger.cli.status_shown import checked
from flowledger.domain.settings import Settings
from flowledger.workers.bond_words import servers
from flowledger.workers.checks import of_all

_LOOK_SECONDS = 0.5
_RESTART_SECONDS = 2.0
_LATELY_SECONDS = 120.0
_OFTEN = 3
_RESTART_OFTEN_SECONDS = 15.0


def up(settings: Settings, adopt_from: str | None = None) -> None:
    """Runs the service until Ctrl-C or SIGTERM; raises LedgerError where a part does not start.

    `adopt_from` names the ledger that the Redis is taken from, on purpose.
    """
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, stop)
    with running(settings, adopt_from=adopt_from, tell=_tell) as service:
        screen.out.print(_screen(service))
        for finding in of_all(service.settings):
            screen.err.print(checked(finding), soft_wrap=True)
        _watch(service, stopping)
    screen.out.print("stopped; everything recorded is kept")


def _tell(step: str) -> None:
    screen.err.print(Text(f"… {step}", style="dim"))


def _watch(service: Running, stopping: threading.Event) -> None:
    """Starts again what ends by itself; what ends again and again is told with its reason, and started less often."""
    ends: dict[str, list[float]] = {process.name: [] for process in service.processes}
    while not stopping.wait(_LOOK_SECONDS):
        for process in service.processes:
            if process.is_running():
                continue
            now = time.monotonic()
            lately = ends[process.name] = [at for at in ends[process.name] if now - at < _LATELY_SECONDS] + [now]
            if len(lately) < _OFTEN:
                words, pause = f"{process.name} ended; starting it again (its log: {process.log})", _RESTART_SECONDS
            else:
                words = f"{process.name} ends again and again, so the service is NOT up{last_words(process)}"
                pause = _RESTART_OFTEN_SECONDS
            screen.err.print(Text(screen.safe(words), style="yellow" if len(lately) < _OFTEN else "bold red"))
            process.start()
            stopping.wait(pause)


def _screen(service: Running) -> Panel:
    redis_url, database = servers(service.settings)
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("DATABASE_URL", Text(database))
    grid.add_row("REDIS_URL", Text(redis_url))
    grid.add_row("both, in a shell", Text('eval "$(flowledger env)"', style="green"))
    if service.flower_url:
        grid.add_row("Flower", Text(f"{service.flower_url}  user flowledger, password {service.flower_password}"))
    grid.add_row("data and logs", Text(f"{service.settings.home}, {service.logs}"))
    grid.add_row("publish", Text("flowledger publish events.jsonl", style="green"))
    grid.add_row("see", Text("flowledger status, flowledger show ID", style="green"))
    grid.add_row("stop", "Ctrl-C")
    return Panel(grid, title="Flowledger is up", title_align="left", subtitle=time.strftime("%H:%M:%S"))
