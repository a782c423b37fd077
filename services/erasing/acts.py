"""Audit lines of the ledger's own acts that are about what is erased, and have another resource: holds, credentials."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Final

from sqlalchemy import CTE, ColumnElement, Connection, Select, case, func, select

from flowledger.services.vault.credentials import ADDED, OWNER
from flowledger.services.vault.sealing import SOURCE as VAULT
from flowledger.storage.kinds.audit import TABLE as AUDIT
from flowledger.storage.many import owners_of
from flowledger.storage.retention.belonging import Attached
from flowledger.storage.retention.holds import AUDIT_SOURCE as HOLDS
from flowledger.storage.retention.holds import Held, audited_as
from flowledger.storage.vault.credentials import TABLE as CREDENTIALS

SAYS_OWNER: Final = AUDIT.c.action == ADDED
"""The condition that an audit line about a credential says whose it is."""
_AT_ONCE: Final = 1_000


def holds_of(ids: Iterable[str]) -> list[str]:
    """Return the resources of audit lines about holds of these ids."""
    return [audited_as(what, id_) for id_ in ids for what in Held]


def about_holds(resources: Any) -> ColumnElement[bool]:
    """Return the condition that an audit line is about one of these holds: a list, or a select."""
    return (AUDIT.c.source == HOLDS) & AUDIT.c.resource_id.in_(resources)


def about_credentials(ids: Any) -> ColumnElement[bool]:
    """Return the condition that an audit line is about one of these credentials: a list, or a select."""
    return (AUDIT.c.source == VAULT) & AUDIT.c.resource_id.in_(ids)


def owned(connection: Connection) -> Attached:
    """Return credentials as what is attached to their owners, as the audit log says: deleted ones, too.

    Who adds holds may not read the table of credentials.
    """
    if connection.dialect.name == "postgresql":
        owner = func.jsonb_extract_path_text(AUDIT.c.details, OWNER)
    else:
        owner = func.json_extract(AUDIT.c.details, f"$.{OWNER}")
    return Attached("an audit line", AUDIT.c.resource_id, case(((AUDIT.c.source == VAULT) & SAYS_OWNER, owner)))


def ownerless(subjects: CTE) -> Select[Any]:
    """Return which of these rows `subject` are credentials of which an erasure has cleared whose they are."""
    is_one = (AUDIT.c.resource_id == subjects.c.subject) & (AUDIT.c.source == VAULT) & SAYS_OWNER
    return select(AUDIT.c.resource_id).where(is_one, AUDIT.c.details.is_(None))


def credentials_of(connection: Connection, users: Collection[str]) -> dict[str, str]:
    """Return the ids of all credentials that these users have, or had, as the audit log says, and whose they are.

    No index finds what was deleted: all lines of the vault are read.
    """
    wanted = users if isinstance(users, set) else set(users)
    there = select(CREDENTIALS.c.id, CREDENTIALS.c.user_id)
    there = there.where(CREDENTIALS.c.user_id.in_(select(owners_of(connection, sorted(wanted)).c.value)))
    found: dict[str, str] = {row.id: row.user_id for row in connection.execute(there)}
    added = select(AUDIT.c.resource_id, AUDIT.c.details).where(AUDIT.c.source == VAULT, SAYS_OWNER)
    options = {"stream_results": True, "yield_per": _AT_ONCE}
    with connection.execute(added, execution_options=options) as lines:
        for line in lines:
            details: Any = line.details
            owner = details.get(OWNER) if isinstance(details, dict) else None
            if isinstance(owner, str) and owner in wanted:
                found[line.resource_id] = owner
    return found
