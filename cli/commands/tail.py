"""`flowledger tail`."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from flowledger.cli.asked import Database
from flowledger.cli.asked import found as servers
from flowledger.cli.filters import warn_of_types
from flowledger.cli.moments import moment_of
from flowledger.cli.schema import check_schema
from flowledger.cli.tail import json_line, lines
from flowledger.cli.tail import tail as run
from flowledger.storage.ledger.tail import Wanted


def command(
    *,
    types: Annotated[
        list[str] | None, typer.Option("--type", help="Only this type (task.failed) or kind (task.*); may be repeated.")
    ] = None,
    source: Annotated[list[str] | None, typer.Option(help="Only of this source; may be repeated.")] = None,
    subject: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Only about this id; may be repeated.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="Begin with what was recorded since then: 10m, 2h, or a time."),
    ] = None,
    messages: Annotated[
        bool, typer.Option("--messages", help="Only messages, as an exchange: who says what to whom.")
    ] = False,
    database: Database = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, the row of the journal.")] = False,
) -> None:
    """Show events as they are recorded, until Ctrl-C."""
    begin = moment_of(since, "--since")
    if messages and types:
        raise typer.BadParameter("--messages is a choice of types already; leave out --type", param_hint="--messages")
    settings = servers("database_url", database=database)
    check_schema(settings, database)
    warn_of_types(types or ())
    wanted = Wanted(types=["message.*"] if messages else types or [], sources=source or [], subjects=subject or [])
    try:
        run(settings, wanted, begin, json_line if as_json else lines(messages=messages))
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    except BrokenPipeError:  # `tail | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
