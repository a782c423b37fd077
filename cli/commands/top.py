"""`flowledger top`."""

from __future__ import annotations

from typing import Annotated

import typer

from flowledger.cli.asked import found as servers
from flowledger.cli.top.run import is_terminal, once, watch


def command(
    *,
    only_once: Annotated[bool, typer.Option("--once", help="Print one screen and end; as on a pipe.")] = False,
) -> None:
    """Watch how the service does, live on one screen: what one leaves open in an incident.

    Keys: q quits, p makes the screen stand still, d shows dead letters alone. A server that goes away is told of, and
    what it told last stays. On a pipe, and with --once, one screen is printed: 1 if a server does not answer.
    """
    settings = servers("redis_url", "database_url")
    if only_once or not is_terminal():
        if not once(settings):
            raise typer.Exit(1)
    else:
        watch(settings)
