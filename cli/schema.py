"""The schema of the named database: bring it to the newest, and see that it is there."""

from __future__ import annotations

from flowledger import migrations
from flowledger.cli.databases import to_migrate
from flowledger.domain.errors import LedgerError
from flowledger.domain.settings import Settings
from flowledger.storage.engines.engine import make_engine
from flowledger.workers import checks


def migrate(settings: Settings) -> None:
    """Brings the named database to the newest schema; raises UnfitServer if it cannot be written, or not rightly."""
    checks.refuse(checks.of_database(settings))
    engine = make_engine(settings)
    try:
        migrations.upgrade(engine)
    finally:
        engine.dispose()


def check_schema(settings: Settings, database: str | None = None) -> None:
    """Raises LedgerError where the database is not at the newest schema, SQLAlchemyError where it does not answer.

    `database` is what `--database` named.
    """
    engine = make_engine(settings)
    try:
        if migrations.current(engine) != migrations.newest(engine):
            raise LedgerError(f"the database is not at the newest schema: run {to_migrate(database)}")
    finally:
        engine.dispose()
