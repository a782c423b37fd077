"""Alembic migrations, and the functions to migrate a database and to read its revision."""

from __future__ import annotations

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

_ONE_AT_A_TIME = threading.Lock()
"""Alembic keeps its context in a module; between processes, a lock of the database does the same."""


def configuration(engine: Engine) -> Config:
    """Return Alembic's configuration for the database of `engine`."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["engine"] = engine
    return config


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Upgrade the database to `revision`; to do it twice, even at once, does no harm."""
    with _ONE_AT_A_TIME:
        command.upgrade(configuration(engine), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Downgrade the database to `revision`; `base` is the empty database."""
    with _ONE_AT_A_TIME:
        command.downgrade(configuration(engine), revision)


def current(engine: Engine) -> str | None:
    """Return the revision of the database; None if it has none."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest(engine: Engine) -> str | None:
    """Return the newest revision; None if there are none."""
    return ScriptDirectory.from_config(configuration(engine)).get_current_head()
