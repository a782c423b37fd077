"""`flowledger maintain`."""

from __future__ import annotations

from typing import Annotated

import typer

from flowledger.cli import screen
from flowledger.cli.asked import AsJson, Database
from flowledger.cli.asked import found as servers
from flowledger.cli.maintained import as_document, maintain_once, print_round
from flowledger.cli.maintained import maintain as run
from flowledger.cli.schema import check_schema


def command(
    *,
    once: Annotated[bool, typer.Option("--once", help="Do one round and end; 1 if something stays for now.")] = False,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Let go what is older than it is to be kept: round after round, or once.

    LEDGER_KEEP_…_DAYS say how long that is; a round comes every LEDGER_MAINTAIN_SECONDS, until Ctrl-C. Workers do the
    same, unless their role may not delete. It needs no Redis.
    """
    settings = servers("database_url", database=database)
    check_schema(settings, database)
    if not once:
        run(settings, as_json=as_json)
        return
    done = maintain_once(settings)
    if as_json:
        screen.print_json(as_document(done))
    else:
        print_round(done)
    if done.waits or done.ended_at is None:
        raise typer.Exit(1)
