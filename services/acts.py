"""Acts of people, and the audit line of each, which is recorded in the act's own transaction (CONTRACT-RECORDS §4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection

from flowledger.domain.envelope import Envelope
from flowledger.domain.events import AuditLogged
from flowledger.domain.json_text import plain
from flowledger.storage.people.sessions import Session
from flowledger.storage.recording import record

By = Session | str
"""Who acts: a user, by the session; or an operator, by name, who has access to the database anyway."""

_LONGEST: Final = 255
"""Characters that a line keeps of a text from outside, like an address."""


def log_act(
    connection: Connection,
    source: str,
    action: str,
    *,
    resource_type: str,
    resource_id: str,
    by: By | None,
    success: bool = True,
    details: Mapping[str, Any] | None = None,
    address: str | None = None,
) -> None:
    """Record an audit line in the open transaction; `by` is None if it is not known who acts."""
    told = dict(details or {})
    user_id = None
    if isinstance(by, Session):
        user_id = by.user_id
        told["session_id"] = by.id
    elif by is not None:
        told["by"] = plain(by)
    line = AuditLogged(
        action=action,
        user_id=user_id,
        resource_type=resource_type,
        details=told or None,
        ip_address=kept(address),
        success=success,
    )
    record(connection, Envelope.of(line, source=source, subject=resource_id))


def kept(text: str | None, longest: int = _LONGEST) -> str | None:
    """Return what is kept of a text from outside: its beginning, with U+FFFD for what PostgreSQL cannot hold."""
    return None if text is None else plain(text[:longest])
