"""Alembic's environment: the URL comes from the caller, or from DATABASE_URL if Alembic's own command is used."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, Engine, text

from flowledger.domain.settings import Settings
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.schema.declared import is_declared
from flowledger.storage.tables import metadata

_LOCK = 0x666C6F77  # any number, the same in every migration: "flow"


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        # On SQLite Alembic reads a default back in another form than it was declared in.
        compare_server_default=connection.dialect.name == "postgresql",
        transactional_ddl=True,
        include_object=is_declared,
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        else:  # take SQLite's write lock before the revision is read
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        context.run_migrations()


engine = context.config.attributes.get("engine")
if not isinstance(engine, Engine):
    engine = make_engine(Settings.load())
with engine.connect() as open_connection:
    _migrate(open_connection)
    open_connection.commit()
