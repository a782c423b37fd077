"""What commands are asked in the same words: options, and the settings that they stand for."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final

import typer
from pydantic import SecretStr

from flowledger.domain.errors import SettingsError
from flowledger.domain.settings import Settings

STATE_FILE: Final = "servers.json"
"""In `LEDGER_HOME`, while `flowledger up` runs: where its servers are."""

Database = Annotated[
    str | None, typer.Option("--database", help="The database, instead of DATABASE_URL: sqlite:///FILE …")
]
AsJson = Annotated[bool, typer.Option("--json", help="Report as one JSON document.")]


def settings_of(database: str | None = None, **given: Any) -> Settings:
    """The settings of the environment, with another database where one is named."""
    if database is not None:
        given["database_url"] = database
    return Settings.load(**given)


def found(*needed: str, database: str | None = None, may_be_missing: bool = False) -> Settings:
    """The same, with the URLs of the running embedded servers if the environment does not name those `needed`.

    Raises SettingsError if there are none, and LedgerError if the file of a database that is `needed` is not there,
    unless it `may_be_missing`.
    """
    settings = _found(*needed, database=database)
    if "database_url" in needed and not may_be_missing:
        from flowledger.cli.databases import refuse_missing  # the client alone has no drivers of databases

        refuse_missing(settings, database)
    return settings


def _found(*needed: str, database: str | None) -> Settings:
    settings = settings_of(database)
    if all(getattr(settings, name) is not None for name in needed):
        return settings
    try:
        state: dict[str, Any] = json.loads((settings.home / STATE_FILE).read_text())
    except (OSError, ValueError):
        variables = " and ".join(name.upper() for name in needed)
        raise SettingsError(f"no servers: start `flowledger up`, or set {variables}") from None
    urls = {name: SecretStr(state[name]) for name in ("redis_url", "database_url") if getattr(settings, name) is None}
    return settings.model_copy(update=urls)
