"""`flowledger migrate`."""

from __future__ import annotations

import migrations
from cli import screen
from cli.asked import Database
from cli.asked import found as servers
from cli.service import migrate as run
from storage.engine import make_engine


def command(database: Database = None) -> None:
    """Bring the database to the newest schema."""
    settings = servers("database_url", database=database)
    run(settings)
    engine = make_engine(settings)
    screen.out.print(f"the database is at revision {migrations.current(engine)}, the newest")
    engine.dispose()
