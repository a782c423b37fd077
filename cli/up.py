"""`flowledger up`: everything on one machine, one screen that says where it is, and a clean end."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType

from rich.text import Text

from flowledger.cli import screen
from flowledger.cli.layout import Cell, facts, print_rows
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
    """Run the service until Ctrl-C or SIGTERM; raises LedgerError if a part does not start.

    `adopt_from` names the ledger that the Redis is taken from, on purpose.
    """
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, stop)
    with running(settings, adopt_from=adopt_from, tell=_tell) as service:
        print_screen(service)
        for finding in of_all(service.settings):
            screen.err.print(checked(finding), soft_wrap=True)
        _watch(service, stopping)
    screen.out.print("stopped; everything recorded is kept")


def _tell(step: str) -> None:
    screen.err.print(Text(f"… {step}", style="dim"), soft_wrap=True)


def _watch(service: Running, stopping: threading.Event) -> None:
    """Start again what ends by itself; if it ends again and again, report the reason and start it less often."""
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
            screen.err.print(
                Text(screen.safe(words), style="yellow" if len(lately) < _OFTEN else "bold red"), soft_wrap=True
            )
            process.start()
            stopping.wait(pause)


def print_screen(service: Running) -> None:
    """Print where everything is: each URL whole and in no box, so that it can be copied."""
    redis_url, database = servers(service.settings)
    pairs: list[tuple[str, Cell]] = [
        ("DATABASE_URL", Text(database)),
        ("REDIS_URL", Text(redis_url)),
        ("both, in a shell", Text('eval "$(flowledger env)"', style="green")),
    ]
    if service.flower_url:
        pairs += [
            ("Flower", Text(service.flower_url)),
            ("its user", Text(f"flowledger, password {service.flower_password}")),
        ]
    pairs += [
        ("data", Text(str(service.settings.home))),
        ("logs", Text(str(service.logs))),
        ("publish", Text("flowledger publish events.jsonl", style="green")),
        ("see", Text("flowledger status, flowledger show ID", style="green")),
        ("stop", "Ctrl-C"),
    ]
    screen.out.print(Text.assemble(("Flowledger is up", "bold"), f"  {time.strftime('%H:%M:%S')}"))
    print_rows(facts(pairs, indent=2))
