"""What commands are asked in the same words: options, and the settings that they stand for."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from domain.settings import Settings

Database = Annotated[
    str | None, typer.Option("--database", help="The database, instead of DATABASE_URL: sqlite:///FILE …")
]
AsJson = Annotated[bool, typer.Option("--json", help="Report as one JSON document.")]


def settings_of(database: str | None = None, **given: Any) -> Settings:
    """The settings of the environment, with another database where one is named."""
    if database is not None:
        given["database_url"] = database
    return Settings.load(**given)


def found(*needed: str, database: str | None = None) -> Settings:
    """The same, with the running embedded servers where none are named; raises SettingsError where there are none."""
    from cli.service import find_running

    return find_running(settings_of(database), *needed)
