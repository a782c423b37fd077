"""`flowledger gaps`."""

from __future__ import annotations

from typing import Annotated

import typer

from flowledger.cli import screen
from flowledger.cli.asked import AsJson, Database
from flowledger.cli.asked import found as servers
from flowledger.cli.gaps import gaps as run
from flowledger.cli.gaps import print_gaps
from flowledger.cli.schema import check_schema
from flowledger.storage.ledger.gaps import By


def command(
    *,
    by: Annotated[By | None, typer.Option(help="Whose counters they are; default: what the numbers tell.")] = None,
    source: Annotated[str | None, typer.Option(help="Look at this source alone.")] = None,
    start: Annotated[
        int | None, typer.Option("--from", min=0, help="The number each counter begins with; default: the least seen.")
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="Ranges of missing numbers to show one by one.")] = 100,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Tell which numbers are missing, where producers number their events by `sequence`; 1 where some are."""
    settings = servers("database_url", database=database)
    check_schema(settings, database)
    found = run(settings, by=by, source=source, start=start, most=most, quiet=as_json)
    if as_json:
        screen.print_json(found)
    else:
        print_gaps(found)
    if found.missing:
        raise typer.Exit(1)
