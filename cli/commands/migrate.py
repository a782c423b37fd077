"""`flowledger migrate`."""

from __future__ import annotations

from flowledger import migrations
from flowledger.cli import screen
from flowledger.cli.asked import Database
from flowledger.cli.asked import found as servers
from flowledger.cli.schema import migrate as run
from flowledger.storage.engines.engine import make_engine


def command(database: Database = None) -> None:
    """Bring the database to the newest schema."""
    settings = servers("database_url", database=database, may_be_missing=True)
    run(settings)
    engine = make_engine(settings)
    screen.out.print(f"the database is at revision {migrations.current(engine)}, the newest")
    engine.dispose()
