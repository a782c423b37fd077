"""Which rows are a subject's own, and go with it; and which only name it, and stay."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Table, delete, select, text, tuple_

from flowledger.storage.kinds import MERGED, owners_of
from flowledger.storage.kinds.audit import TABLE as AUDIT
from flowledger.storage.kinds.logs import TABLE as LOGS
from flowledger.storage.ledger import outbox, schedule_due
from flowledger.storage.people import passwords, sessions
from flowledger.storage.vault import credentials


class Rows(NamedTuple):
    """The rows of a table whose `column` has the id of a subject."""

    table: Table
    column: str


def _of_subjects() -> Iterator[Rows]:
    """Yield the rows that go, each table before those that it refers to."""
    yield Rows(outbox.TABLE, "message_id")
    yield Rows(outbox.TABLE, "to_sandbox_id")
    yield Rows(LOGS, "task_id")
    yield Rows(LOGS, "execution_id")
    for table in reversed(MERGED):
        if table not in (AUDIT, LOGS):
            yield from (Rows(table, column) for _, column in owners_of(table))
    yield Rows(schedule_due.TABLE, "schedule_id")
    yield Rows(schedule_due.CHANGES, "schedule_id")
    yield Rows(passwords.TABLE, "user_id")
    yield Rows(sessions.TABLE, "user_id")
    yield Rows(credentials.TABLE, "user_id")
    yield Rows(credentials.TABLE, "id")


OF_SUBJECTS: Final = tuple(_of_subjects())
CLEARED: Final = (Rows(AUDIT, "resource_id"), Rows(AUDIT, "user_id"))
"""Rows that stay, without `CONTENT`; beside them, audit lines of the ledger's own acts (`services.erasing.acts`)."""
CONTENT: Final = ("details", "ip_address")
NAMING: Final = tuple(
    Rows(table, column)
    for table in MERGED
    for column in dict.fromkeys(index.columns[0].name for index in table.indexes if index.columns)
    if column.endswith("_id") and Rows(table, column) not in (*OF_SUBJECTS, *CLEARED)
)
"""Rows that name a subject and are another's, as far as an index finds them."""

_DELETED: Final = tuple(dict.fromkeys(rows.table.name for rows in OF_SUBJECTS))
RIGHTS: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys((*_DELETED, "event_texts", "dead_letters", "dead_letter_actions"), ("SELECT", "DELETE")),
    "events": ("SELECT", "UPDATE"),
    "audit_logs": ("SELECT",),
    "erasures": ("SELECT", "INSERT", "UPDATE"),
    "holds": ("SELECT",),
    "held": ("SELECT",),
    "departed": ("SELECT", "INSERT", "UPDATE"),
}
"""What a role must be allowed to do; beside it, to update `CONTENT` of `audit_logs`."""


def delete_some(connection: Connection, rows: Rows, ids: Collection[str], most: int) -> int:
    """Delete rows of these subjects, at most so many. Return how many."""
    key: list[Any] = list(rows.table.primary_key)
    found = select(*key).where(rows.table.c[rows.column].in_(ids)).limit(most)
    is_found = key[0].in_(found) if len(key) == 1 else tuple_(*key).in_(found)
    return connection.execute(delete(rows.table).where(is_found)).rowcount


def missing_rights(connection: Connection) -> list[str]:
    """Return which rights the role of a connection lacks, in words; none on SQLite."""
    if connection.dialect.name != "postgresql":
        return []
    asked = text("SELECT has_table_privilege(:table, :right)")
    missing = [
        f"{right} on {table}"
        for table, rights in RIGHTS.items()
        for right in rights
        if not connection.execute(asked, {"table": table, "right": right}).scalar()
    ]
    of_column = text("SELECT has_column_privilege('audit_logs', :column, 'UPDATE')")
    missing += [
        f"UPDATE ({column}) on audit_logs"
        for column in CONTENT
        if not connection.execute(of_column, {"column": column}).scalar()
    ]
    return missing
