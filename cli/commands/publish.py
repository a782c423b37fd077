"""`flowledger publish`."""

from __future__ import annotations

from typing import Annotated

import typer

from flowledger.cli import screen
from flowledger.cli.asked import AsJson
from flowledger.cli.asked import found as servers
from flowledger.cli.files import refuse_unreadable
from flowledger.cli.publish import publish_files, summary


def command(
    files: Annotated[
        list[str] | None, typer.Argument(metavar="FILE", help="Files with one event a line; - is standard input.")
    ] = None,
    spool: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Keep events in this file while Redis is away or full, and send what is in it already first; "
            "without other files, only that.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Publish events; each bad line is named, the good ones are published.

    A line is one event, which needs an id of its own, for a file may have to be sent again:

    \b
    {"id":"1","source":"/my/service","type":"task.completed","subject":"task_1","data":{"output":12}}

    With --spool, exit 0 also where good events wait in the spool: standard error says how many. 1: a line was refused,
    or Redis does not take what only the spool holds, or it was interrupted.
    """
    if not files and spool is None:
        raise typer.BadParameter("name files, or a --spool to send", param_hint="FILE")
    refuse_unreadable(files or [])
    if not files and spool is not None:
        refuse_unreadable([spool], "--spool")
    report = publish_files(servers("redis_url"), files or [], spool, quiet=as_json)
    if as_json:
        screen.print_json(report)
    else:
        screen.out.print(screen.words(summary(report, spool)), soft_wrap=True)
    if report.refused or report.damaged or report.unfinished or (report.spooled and not files):
        raise typer.Exit(1)
