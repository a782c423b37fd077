"""`flowledger worker`."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from flowledger.cli import processes
from flowledger.cli.asked import Database
from flowledger.cli.asked import found as servers
from flowledger.cli.schema import check_schema
from flowledger.workers.authority import guard_of
from flowledger.workers.watch import check_at_start


def command(
    database: Database = None,
    concurrency: Annotated[int | None, typer.Option(min=1, max=1000, help="Processes; default: one per core.")] = None,
    log_level: Annotated[str | None, typer.Option(help="DEBUG, INFO, WARNING or ERROR; else LEDGER_LOG_LEVEL.")] = None,
) -> None:
    """Run the worker alone, against the named servers."""
    if log_level is not None:
        os.environ["LEDGER_LOG_LEVEL"] = log_level
    settings = servers("redis_url", "database_url", database=database)
    guard_of(settings)
    check_schema(settings, database)
    check_at_start(settings)
    command = processes.worker_command(concurrency)
    environment = processes.worker_environment(settings)
    os.chdir(processes.ROOT)
    os.execve(command[0], command, environment)  # noqa: S606 - this process becomes Celery's
