"""`flowledger redeliver`."""

from __future__ import annotations

from typing import Annotated

import typer

from flowledger.cli import screen
from flowledger.cli.adopting import check_bond
from flowledger.cli.asked import AsJson
from flowledger.cli.asked import found as servers
from flowledger.cli.redelivery import as_document, print_report
from flowledger.cli.redelivery import redeliver as run
from flowledger.cli.schema import check_schema


def command(
    *,
    sandbox: Annotated[
        str | None, typer.Option(metavar="ID", help="Only what was sent to this sandbox; default: to all.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count; put nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put messages into their inboxes again, after Redis has lost its data; 1 where some had no room.

    These are the messages that were in an inbox and have not come to an end. Workers and agents may go on, and twice
    does no harm: what is in an inbox, or was acknowledged, is not put there again.
    """
    settings = servers("redis_url", "database_url")
    check_schema(settings)
    check_bond(settings)
    found = run(settings, sandbox=sandbox, dry_run=dry_run, quiet=as_json)
    if as_json:
        screen.print_json(as_document(found, dry_run=dry_run))
    else:
        print_report(found, dry_run=dry_run)
    if found.no_room:
        raise typer.Exit(1)
