"""`flowledger members`."""

from __future__ import annotations

from typing import Annotated

import typer

from flowledger.cli import screen
from flowledger.cli.asked import AsJson, Database
from flowledger.cli.asked import found as servers
from flowledger.cli.members import as_document, print_members
from flowledger.cli.members import members as run
from flowledger.cli.schema import check_schema


def command(
    workspace: Annotated[str | None, typer.Argument(metavar="WORKSPACE", help="Default: all workspaces.")] = None,
    *,
    unsigned: Annotated[
        bool,
        typer.Option("--unsigned", help="Only those whom no key with the right to do so has let in; 1 where some are."),
    ] = False,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """List which sandboxes belong to which workspace, and whether who said so had the right to."""
    settings = servers("database_url", database=database)
    check_schema(settings, database)
    found = run(settings, workspace, unsigned=unsigned)
    if as_json:
        screen.print_json(as_document(found))
    else:
        print_members(found, unsigned=unsigned)
    if unsigned and found:
        raise typer.Exit(1)
