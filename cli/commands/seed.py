"""`flowledger seed`."""

from __future__ import annotations

from typing import Annotated

import typer

from flowledger.cli import screen
from flowledger.cli.asked import AsJson, Database
from flowledger.cli.asked import found as servers
from flowledger.cli.schema import check_schema
from flowledger.cli.seeded import print_seed
from flowledger.services.seed import seed
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.unit_of_work import Storage


def command(
    admin: Annotated[
        str | None, typer.Option("--admin", metavar="EMAIL", help="Make a first admin with this e-mail address, too.")
    ] = None,
    *,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Make the records of a new ledger: ten default agents, and a first admin. What is there already stays as it is."""
    settings = servers("redis_url", "database_url", database=database)
    check_schema(settings, database)
    with Storage(make_engine(settings)) as storage:
        found = seed(settings, storage, admin)
    if as_json:
        screen.print_json(found)
    else:
        print_seed(found)
