"""What was erased: that it was, by whom, when and why. Nothing else of it stays (docs/contract/erase.md).

Who records holds a shared lock while it asks whether something is erased, and until what it records is committed; who
erases takes it alone, for the moment of its commit. So nothing is recorded by an answer that is no longer true.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Column, Connection, Index, Table, Text, func, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from flowledger.domain import readable
from flowledger.storage.repository import Repository
from flowledger.storage.schema.columns import metadata
from flowledger.storage.schema.types import Name, UtcTime

_NOT_DONE: Final = text("done_at IS NULL")

TABLE: Final = Table(
    "erasures",
    metadata,
    Column("subject", Name, primary_key=True),
    Column("erased_with", Name),
    Column("why", Text, nullable=False),
    Column("erased_by", Text, nullable=False),
    Column("erased_at", UtcTime, nullable=False),
    Column("done_at", UtcTime),
    Index("ix_erasures_erased_with", "erased_with"),
    Index("ix_erasures_done_at", "subject", postgresql_where=_NOT_DONE, sqlite_where=_NOT_DONE),
)
"""A row for each subject; `erased_with` is the one that was asked for, if this one went with it.

It is committed before anything of the subject goes. `done_at` is null until all of it is gone.
"""

LOCK: Final = "hashtextextended('ledger_erasures', 0)"
"""The key of the lock, on PostgreSQL. On SQLite one transaction writes at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What is known of an erased subject."""

    subject: str
    erased_with: str | None
    why: str
    erased_by: str
    erased_at: datetime
    done_at: datetime | None

    def __str__(self) -> str:
        """Return that it was erased, when, by whom and why."""
        of = "" if self.erased_with is None else f" with {self.erased_with}"
        rest = "" if self.done_at else "; not all of it is gone yet: `flowledger erase` goes on"
        return f"erased{of} at {readable.time(self.erased_at)} by {self.erased_by}: {self.why}{rest}"


class ErasureRepository(Repository[Erasure]):
    table = TABLE
    record = Erasure

    def get(self, subject: str) -> Erasure | None:
        """Return the erasure of a subject; None if it is not erased."""
        return self._one(self._select().where(TABLE.c.subject == subject))

    def of(self, subjects: Collection[str]) -> dict[str, Erasure]:
        """Return those of `subjects` that are erased."""
        rows = self.connection.execute(self._select().where(TABLE.c.subject.in_(subjects)))
        return {row.subject: self._record(row) for row in rows}

    def add(self, erasures: Iterable[Mapping[str, Any]]) -> int:
        """Write rows, those of subjects that are erased already excepted. Return how many are new."""
        dialect: Any = postgresql if self.connection.dialect.name == "postgresql" else sqlite
        new = dialect.insert(TABLE).on_conflict_do_nothing()
        return sum(self.connection.execute(new, one).rowcount for one in erasures)

    def unfinished(self, limit: int, after: str = "") -> list[str]:
        """Return subjects of which not everything is gone yet, in order, those after `after`."""
        statement = select(TABLE.c.subject).where(TABLE.c.done_at.is_(None), TABLE.c.subject > after)
        return list(self.connection.execute(statement.order_by(TABLE.c.subject).limit(limit)).scalars())

    def count_unfinished(self) -> int:
        """Return how many subjects are not gone yet."""
        statement = select(func.count()).select_from(TABLE).where(TABLE.c.done_at.is_(None))
        return self.connection.execute(statement).scalar_one()

    def first_unfinished(self) -> datetime | None:
        """Return when the first of what is not all gone was erased; None if all is gone."""
        statement = select(func.min(TABLE.c.erased_at)).where(TABLE.c.done_at.is_(None))
        first: datetime | None = self.connection.execute(statement).scalar_one()
        return first

    def finish(self, subjects: Collection[str], at: datetime) -> None:
        """Note that everything of these subjects is gone."""
        self.connection.execute(update(TABLE).where(TABLE.c.subject.in_(subjects)).values(done_at=at))


def not_erased(connection: Connection, ids: Collection[str]) -> list[str]:
    """Return those of `ids` that are not erased, nor will be before this transaction ends, in their order."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock_shared({LOCK})"))
    erased = set(connection.execute(select(TABLE.c.subject).where(TABLE.c.subject.in_(ids))).scalars())
    return [one for one in ids if one not in erased]
