"""`flowledger verify`."""

from __future__ import annotations

from typing import Annotated

import typer

from flowledger.cli import screen
from flowledger.cli.asked import AsJson, Database
from flowledger.cli.asked import found as servers
from flowledger.cli.schema import check_schema
from flowledger.cli.verify import as_document, print_report
from flowledger.cli.verify import verify as run


def command(
    repair: Annotated[
        bool, typer.Option("--repair", help="Make the rows that differ say what the journal says.")
    ] = False,
    most: Annotated[int, typer.Option(min=1, help="Differences to show one by one.")] = 20,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Recompute every row from the journal and compare; 1 where they differ. Workers may go on recording."""
    settings = servers("database_url", database=database)
    check_schema(settings, database)
    report = run(settings, repair=repair, most=most, quiet=as_json)
    if as_json:
        screen.print_json(as_document(report))
    else:
        print_report(report)
    if not report.is_well:
        raise typer.Exit(1)
