"""Alembic migrations, and the two things the rest of Flowledger asks of them: go to the newest, and are we there?"""

from __future__ import annotations

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

_ONE_AT_A_TIME = threading.Lock()
"""Alembic keeps its context in the module; between processes, the database's own lock does the same."""


def configuration(engine: Engine) -> Config:
    """Alembic's configuration for the database behind `engine`."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["engine"] = engine
    return config


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Brings the database to `revision`; doing it twice, or twice at once, does no harm."""
    with _ONE_AT_A_TIME:
        command.upgrade(configuration(engine), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Takes the database back to `revision`; `base` is empty."""
    with _ONE_AT_A_TIME:
        command.downgrade(configuration(engine), revision)


def current(engine: Engine) -> str | None:
    """The revision the database stands at; None where it has none."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest(engine: Engine) -> str | None:
    """The newest revision there is."""
    return ScriptDirectory.from_config(configuration(engine)).get_current_head()
