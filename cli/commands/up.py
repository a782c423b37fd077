"""`flowledger up`."""

from __future__ import annotations

from typing import Annotated

import typer

from flowledger.cli.asked import Database, settings_of
from flowledger.cli.up import up as run


def command(
    database: Database = None,
    adopt: Annotated[
        str | None, typer.Option(metavar="ID", help="Take the Redis from the ledger with this id, on purpose.")
    ] = None,
) -> None:
    """Run everything on this machine: servers where none are named, worker, beat and Flower. Ctrl-C stops it."""
    run(settings_of(database), adopt)
