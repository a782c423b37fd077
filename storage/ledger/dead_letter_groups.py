"""Dead letters by what is wrong with them: a group for each reason and field."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, select

from flowledger.storage.ledger.dead_letters import OPEN, TABLE, DeadLetterFilter

MOST_LETTERS: Final = 10_000
"""The newest ones that are grouped; a count of all would read the whole table."""
MOST_GROUPS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterGroup:
    """Dead letters with one reason and field: how many, of how many sources, from when until when, and one of them."""

    reason: str
    field: str
    count: int
    sources: int
    first_seen: datetime
    last_seen: datetime
    example_id: str
    example_detail: str


def groups(connection: Connection, only: DeadLetterFilter = OPEN) -> list[DeadLetterGroup]:
    """Return the groups of the newest MOST_LETTERS of these, the largest first: at most MOST_GROUPS, by two queries."""
    columns = (TABLE.c.id, TABLE.c.reason, TABLE.c.field, TABLE.c.source, TABLE.c.first_seen)
    newest = select(*columns).where(*only.clauses()).order_by(TABLE.c.first_seen.desc(), TABLE.c.id.desc())
    letters = newest.limit(MOST_LETTERS).subquery()
    count = func.count()
    grouped = (
        select(
            letters.c.reason,
            letters.c.field,
            count.label("count"),
            func.count(letters.c.source.distinct()).label("sources"),
            func.min(letters.c.first_seen).label("first_seen"),
            func.max(letters.c.first_seen).label("last_seen"),
            func.max(letters.c.id).label("example_id"),
        )
        .group_by(letters.c.reason, letters.c.field)
        .order_by(count.desc(), letters.c.reason, letters.c.field)
        .limit(MOST_GROUPS)
    )
    found = connection.execute(grouped).mappings().all()
    examples = select(TABLE.c.id, TABLE.c.detail).where(TABLE.c.id.in_([row["example_id"] for row in found]))
    details = {row.id: row.detail for row in connection.execute(examples)}
    return [DeadLetterGroup(**row, example_detail=details.get(row["example_id"], "")) for row in found]
