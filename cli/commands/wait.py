"""`flowledger wait`."""

from __future__ import annotations

from typing import Annotated

import typer

from flowledger.cli import screen
from flowledger.cli.asked import AsJson
from flowledger.cli.asked import found as servers
from flowledger.cli.backlog import wait as run


def command(
    timeout: Annotated[
        float | None, typer.Option(min=0, help="Seconds to wait at most; exit 1 when they are over.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Return when nothing is left to record."""
    left = run(servers("redis_url"), timeout)
    if as_json:
        screen.print_json({"waiting": left})
    if left:
        screen.print_error(f"{left:,} events still wait to be recorded after {timeout:g} s; see `flowledger status`")
        raise typer.Exit(1)
    if not as_json:
        screen.out.print("nothing is left to record")
