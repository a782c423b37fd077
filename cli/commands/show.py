"""`flowledger show`."""

from __future__ import annotations

from typing import Annotated

import typer

from flowledger.cli import screen
from flowledger.cli.asked import AsJson
from flowledger.cli.asked import found as servers
from flowledger.cli.following import follow
from flowledger.cli.show import Asked, find
from flowledger.cli.shown import print_shown
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.unit_of_work import Storage


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
    following: Annotated[
        bool, typer.Option("--follow", help="An execution or a task, live until it ends; 1 if it is not completed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the record of any kind that has this id, or a conversation, and dead letters about it.

    1 if nothing is recorded, also if there are dead letters about it: then these are shown; and if it was erased.
    """
    if following:
        if after is not None:
            raise typer.BadParameter("--follow shows all of it; leave out --after", param_hint="--follow")
        _follow(subject, Asked(limit, lines), as_json=as_json)
        return
    engine = make_engine(servers("database_url"))
    with engine.connect() as connection:
        shown = find(connection, subject, Asked(limit, lines, after))
    engine.dispose()
    if as_json:
        screen.print_json(shown.as_json())
    else:
        print_shown(shown, goes_on=after is not None)
    if shown.trouble is not None:
        screen.print_error(shown.trouble)
        raise typer.Exit(1)


def _follow(subject: str, asked: Asked, *, as_json: bool) -> None:
    """Follow it until it ends, or until Ctrl-C, which is no error."""
    try:
        with Storage(make_engine(servers("database_url"))) as storage:
            is_completed = follow(storage, subject, asked, as_json=as_json)
    except KeyboardInterrupt:
        return
    if not is_completed:
        raise typer.Exit(1)
