"""The connections that Flowledger has to the database."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, text

_OURS: Final = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE application_name = current_setting('application_name') AND pid <> pg_backend_pid()"
)


def sessions(connection: Connection) -> dict[str, Any]:
    """Return the kind of the database, and how many connections Flowledger has of those the server may have."""
    facts: dict[str, Any] = {"kind": connection.dialect.name}
    if connection.dialect.name == "postgresql":
        facts["connections"] = connection.execute(_OURS).scalar_one()
        facts["server_limit"] = int(connection.execute(text("SHOW max_connections")).scalar_one())
    return facts
