"""`flowledger env`."""

from __future__ import annotations

import shlex

from flowledger.cli.asked import Database
from flowledger.cli.asked import found as servers


def command(database: Database = None) -> None:
    """Print what tells a shell where the servers are, passwords included: eval "$(flowledger env)"."""
    settings = servers("redis_url", "database_url", database=database, may_be_missing=True)
    for name in ("redis_url", "database_url"):
        print(f"export {name.upper()}={shlex.quote(getattr(settings, name).get_secret_value())}")
