"""`flowledger maintain`: rounds of retention in this process, and what people see of them."""

from __future__ import annotations

import threading
from dataclasses import asdict
from typing import Any, Final

from flowledger.cli import layout, screen
from flowledger.cli.layout import Column
from flowledger.cli.stopping import stopped_by_signals
from flowledger.domain import logs
from flowledger.domain.readable_json import json_line
from flowledger.domain.settings import Settings
from flowledger.services.retention.service import MaintenanceService
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.retention.rounds import Round
from flowledger.storage.unit_of_work import Storage

_COLUMNS: Final = (Column("went from"), Column("rows"))


def maintain_once(settings: Settings) -> Round:
    """Do one round. Ctrl-C and SIGTERM end it after the transaction under way; the next round goes on."""
    stopping = threading.Event()
    with Storage(make_engine(settings)) as storage, stopped_by_signals(stopping.set):
        return MaintenanceService(storage, settings, stopping).once()


def maintain(settings: Settings, *, as_json: bool) -> None:
    """Do rounds until Ctrl-C or SIGTERM, with a log on standard error; with `as_json` also a line for each round."""
    logs.install(settings)
    stopping = threading.Event()
    with Storage(make_engine(settings)) as storage, stopped_by_signals(stopping.set):
        MaintenanceService(storage, settings, stopping).run(_print_line if as_json else lambda _round: None)


def as_document(done: Round) -> dict[str, Any]:
    """Return a round for programs."""
    return asdict(done)


def print_round(done: Round) -> None:
    """Print what went, and what stays for now and why."""
    if done.went:
        layout.print_table("Retention", _COLUMNS, [[name, f"{rows:,}"] for name, rows in done.went.items()])
    else:
        screen.out.print("nothing that is old enough was there")
    for name, why in done.waits.items():
        screen.out.print(screen.words(f"{name}: {why}", "yellow"), soft_wrap=True)
    if done.ended_at is None:
        screen.out.print(screen.words("the round is not over: the next one goes on", "yellow"), soft_wrap=True)


def _print_line(done: Round) -> None:
    print(json_line(as_document(done)), flush=True)
