"""`flowledger show`."""

from __future__ import annotations

from typing import Annotated

import typer

from flowledger.cli import screen
from flowledger.cli.asked import AsJson
from flowledger.cli.asked import found as servers
from flowledger.cli.show import Asked, find
from flowledger.cli.shown import print_shown
from flowledger.storage.engines.engine import make_engine


def command(
    subject: Annotated[str, typer.Argument(metavar="ID")],
    *,
    limit: Annotated[
        int, typer.Option(min=1, max=1000, help="So many of each list (node runs, tasks …) at most.")
    ] = 1000,
    lines: Annotated[
        int, typer.Option("--tail", min=1, max=1000, help="So many last rows of log, metrics, audit.")
    ] = 200,
    after: Annotated[
        str | None,
        typer.Option(metavar="WHERE", help="Where a list goes on: what the end of it said. That list alone."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the record of any kind that has this id, or a conversation, and dead letters about it.

    1 if nothing is recorded, also if there are dead letters about it: then these are shown.
    """
    engine = make_engine(servers("database_url"))
    with engine.connect() as connection:
        shown = find(connection, subject, Asked(limit, lines, after))
    engine.dispose()
    if as_json:
        screen.print_json(shown.as_json())
    else:
        print_shown(shown, goes_on=after is not None)
    if not shown.is_recorded:
        screen.print_error(shown.why_not())
        raise typer.Exit(1)
