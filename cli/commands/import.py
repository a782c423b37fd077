"""`flowledger import`."""

from __future__ import annotations

from typing import Annotated

import typer

from flowledger.cli import screen
from flowledger.cli.asked import AsJson, Database
from flowledger.cli.asked import found as servers
from flowledger.cli.files import refuse_unreadable
from flowledger.cli.importing import as_document, import_files, summary
from flowledger.cli.schema import check_schema
from flowledger.workers import checks
from flowledger.workers.authority import guard_of


def command(  # noqa: PLR0917 - the options of the command
    files: Annotated[
        list[str], typer.Argument(metavar="FILE", help="Files with one event a line; - is standard input.")
    ],
    deliver: Annotated[
        bool, typer.Option("--deliver", help="Put messages into inboxes, and make up for due times, as for new events.")
    ] = False,
    beyond_horizon: Annotated[
        bool,
        typer.Option(
            "--beyond-horizon",
            help="Record events from before the horizon of names as well. Those that were recorded before, and whose "
            "names are gone, are recorded again: rows, sums and counts of these are doubled.",
        ),
    ] = False,
    whole: Annotated[
        bool, typer.Option("--whole", help="Each file is one event, which may have line breaks between its tokens.")
    ] = False,
    processes: Annotated[
        int | None, typer.Option(min=1, max=64, help="How many record at once; default: one per core, 4 at most.")
    ] = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Record files of events without Redis: the history of years, in large batches.

    A line is one event, as for `flowledger publish`, and is judged as events of the stream are. If it is interrupted,
    say the same again: files go on where they stopped, and nothing is doubled. Workers may record meanwhile.

    1: a line was refused or became a dead letter, or the import was interrupted.
    """
    refuse_unreadable(files)
    settings = servers("database_url", database=database)
    guard_of(settings)
    checks.refuse(checks.of_database(settings))
    check_schema(settings, database)
    report, error = import_files(
        settings, files, deliver=deliver, beyond_horizon=beyond_horizon, whole=whole, processes=processes, quiet=as_json
    )
    if as_json:
        screen.print_json(as_document(report))
    else:
        screen.out.print(screen.words(summary(report, files)), soft_wrap=True)
    if error is not None:
        raise error
    if not report.is_complete:
        raise typer.Exit(1)
