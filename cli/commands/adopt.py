"""`flowledger adopt`."""

from __future__ import annotations

from typing import Annotated

import typer

from flowledger.cli import screen
from flowledger.cli.adopting import adopt as run
from flowledger.cli.asked import AsJson, Database
from flowledger.cli.asked import found as servers


def command(
    owner: Annotated[
        str | None,
        typer.Option("--from", metavar="ID", help="The ledger that this Redis belongs to now, where it is another."),
    ] = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Make this Redis the broker of this ledger, on purpose; what waits in it is recorded here from now on."""
    adopted = run(servers("redis_url", "database_url", database=database), owner)
    if as_json:
        screen.print_json(adopted)
    else:
        screen.out.print(screen.words(adopted.words()), soft_wrap=True)
