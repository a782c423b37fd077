"""`flowledger health`."""

from __future__ import annotations

from typing import Annotated

import typer

from flowledger.cli import screen
from flowledger.cli.asked import AsJson
from flowledger.cli.health import live, ready


def command(
    *,
    is_live: Annotated[
        bool, typer.Option("--live", help="Whether this host's worker turns, whatever the servers do.")
    ] = False,
    timeout: Annotated[
        float, typer.Option(min=0.1, max=3600, help="Seconds after which a server counts as away.")
    ] = 5.0,
    as_json: AsJson = False,
) -> None:
    """Tell whether events published now would be recorded; exit 1 and the reason if not.

    With --live: whether the worker process of this host, or of this container, lives and turns. No server is asked.
    """
    answer = live() if is_live else ready(timeout)
    if as_json:
        screen.print_json(answer.document)
    else:
        for line in answer.lines:
            screen.out.print(screen.words(line), soft_wrap=True)
        for reason in answer.reasons:
            screen.print_error(reason)
    if answer.reasons:
        raise typer.Exit(1)
