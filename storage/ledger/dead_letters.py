"""Dead letters: entries that could not be recorded, with their exact bytes and the reason in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Index,
    Integer,
    LargeBinary,
    Select,
    String,
    Table,
    Text,
    cast,
    func,
    literal,
    or_,
    select,
    update,
)

from flowledger.domain import json_text
from flowledger.domain.errors import LedgerError, Reason, Refused
from flowledger.domain.ids import derived_id
from flowledger.domain.json_text import plain
from flowledger.domain.records import DeadLetter, ListedDeadLetter
from flowledger.domain.statuses import DeadLetterStatus
from flowledger.storage.merge.writes import Write
from flowledger.storage.paging import Order, Page
from flowledger.storage.repository import Repository
from flowledger.storage.retention import departed
from flowledger.storage.schema.columns import metadata, one_of
from flowledger.storage.schema.types import Name, UtcTime

TABLE: Final = Table(
    "dead_letters",
    metadata,
    Column("id", Name, primary_key=True),
    Column("stream", Text, nullable=False),
    Column("entry_id", Text, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("reason", String(32), nullable=False),
    Column("field", Text, nullable=False, server_default=""),
    Column("detail", Text, nullable=False),
    Column("type", Text),
    Column("source", Text),
    Column("event_id", Text),
    Column("first_seen", UtcTime, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="1"),
    *one_of("status", "dead_letter_status", String(16), DeadLetterStatus, nullable=False, server_default="open"),
    Column("subject", Text),
    Index("ix_dead_letters_status", "status", "first_seen", "id"),
    Index("ix_dead_letters_reason", "reason", "status"),
    # By hash: these may be as long as an event, which does not fit into a B-tree.
    Index("ix_dead_letters_subject", "subject", postgresql_using="hash"),
    Index("ix_dead_letters_event_id", "event_id", postgresql_using="hash"),
)


OLDEST_FIRST = Order((TABLE.c.first_seen, TABLE.c.id))
NEWEST_FIRST = Order(OLDEST_FIRST.columns, descending=True)

_PREFIX: Final = "dead_"
_FEW: Final = 3
_AT_ONCE: Final = 500


class NoDeadLetter(LedgerError):
    """No dead letter has this id, or the ids of several begin with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterFilter:
    """A choice of dead letters: all given values must match. Times are those of `first_seen`, `until` excluded."""

    status: DeadLetterStatus | None = DeadLetterStatus.OPEN
    reason: Reason | None = None
    field: str | None = None
    type: str | None = None
    source: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def clauses(self) -> list[ColumnElement[bool]]:
        """Return the conditions in SQL."""
        columns = TABLE.c
        clauses = [
            columns[name] == plain(value)
            for name in ("status", "reason", "field", "type", "source", "subject")
            if (value := getattr(self, name)) is not None
        ]
        if self.since is not None:
            clauses.append(columns.first_seen >= self.since)
        if self.until is not None:
            clauses.append(columns.first_seen < self.until)
        return clauses


OPEN: Final = DeadLetterFilter()
ALL: Final = DeadLetterFilter(status=None)


class DeadLetterRepository(Repository[DeadLetter]):
    table = TABLE
    record = DeadLetter

    @staticmethod
    def bury(
        stream: str,
        entry_id: str,
        raw: bytes,
        refused: Refused,
        *,
        seen_at: str,
        readable: dict[str, str | None],
        most_bytes: int | None = None,
    ) -> Write:
        """Return the write of a refused entry's row; the same entry again has the same row, in any status.

        `readable` has those of `type`, `source`, `subject` and `event_id` that could be read. At most `most_bytes` of
        `raw` are kept.
        """
        return Write(
            TABLE,
            id=dead_letter_id(stream, entry_id, raw),
            stream=stream,
            entry_id=entry_id,
            raw=raw[:most_bytes],
            reason=refused.reason.value,
            field=plain(refused.field),
            detail=plain(str(refused)),
            first_seen=seen_at,
            **{name: None if text is None else plain(text) for name, text in readable.items()},
        )

    def get(self, dead_letter_id: str) -> DeadLetter | None:
        return self._one(self._select().where(TABLE.c.id == dead_letter_id))

    def full_id(self, beginning: str) -> str:
        """Return the one id with this beginning, which may omit `dead_`. Raises NoDeadLetter for none or several."""
        begin = beginning if beginning.startswith(_PREFIX) else _PREFIX + beginning
        found: Sequence[str] = []
        if begin.isascii() and begin.isprintable():
            ids = select(TABLE.c.id).where(TABLE.c.id >= begin, TABLE.c.id < begin + "~").order_by(TABLE.c.id)
            found = self.connection.execute(ids.limit(_FEW)).scalars().all()
        if not found:
            raise NoDeadLetter(f"no dead letter has the id {beginning[:100]!a}; see `flowledger dead-letters list`")
        if len(found) > 1 and begin != found[0]:
            raise NoDeadLetter(f"more than one dead letter begins with {beginning[:100]!a}: {', '.join(found)} …")
        return found[0]

    def oldest(
        self, only: DeadLetterFilter = OPEN, *, limit: int = 50, offset: int = 0, after: str | None = None
    ) -> Page[DeadLetter]:
        """Return a page of dead letters with their bytes, oldest first."""
        return self._page(self._select().where(*only.clauses()), OLDEST_FIRST, limit, offset, after)

    def listed(
        self, only: DeadLetterFilter = OPEN, *, limit: int = 50, offset: int = 0, after: str | None = None
    ) -> Page[ListedDeadLetter]:
        """Return the same page without the bytes, so that it fits into memory."""
        return _ListedDeadLetters(self.connection).oldest(only, limit, offset, after)

    def newest(
        self, only: DeadLetterFilter = OPEN, *, limit: int = 50, after: str | None = None
    ) -> Page[ListedDeadLetter]:
        """Return a page of dead letters without their bytes, newest first."""
        return _ListedDeadLetters(self.connection).newest(only, limit, after)

    def about(self, id_: str, *, limit: int, status: DeadLetterStatus | None = None) -> list[ListedDeadLetter]:
        """Return those whose subject, event id or own id this is, newest first; in one status, or in any."""
        return _ListedDeadLetters(self.connection).about(id_, limit, status)

    def about_subjects(self, ids: Sequence[str], *, limit: int) -> list[ListedDeadLetter]:
        """Return dead letters whose subject is one of these, the newest first."""
        return _ListedDeadLetters(self.connection).about_subjects(ids, limit)

    def count_about(self, id_: str, *, status: DeadLetterStatus | None = None) -> int:
        """Return the number of dead letters that `about` lists without a limit."""
        statement = select(func.count()).select_from(TABLE).where(*_is_about(id_, status))
        return self.connection.execute(statement).scalar_one()

    def count_of(self, only: DeadLetterFilter = OPEN) -> int:
        """Return the number of dead letters that match."""
        statement = select(func.count()).select_from(TABLE).where(*only.clauses())
        return self.connection.execute(statement).scalar_one()

    def counts(self) -> dict[tuple[str, str], int]:
        """Return the number of dead letters by reason and status; those that went have the status `gone`. One query."""
        by = TABLE.c.reason, TABLE.c.status
        there = select(*by, cast(func.count(), Text)).group_by(*by)
        gone = departed.of(TABLE).subquery()
        rows = self.connection.execute(there.union_all(select(literal(""), literal(""), cast(gone.c.sums, Text)))).all()
        found = {(row[0], row[1]): int(row[2]) for row in rows if row[0]}
        sums: dict[str, int] = next((json_text.loads(row[2]) for row in rows if not row[0]), {})
        return found | {(reason, "gone"): count for reason, count in sums.items()}

    def open_bytes(self) -> int:
        """Return the bytes of all open dead letters together."""
        open_ones = TABLE.c.status == DeadLetterStatus.OPEN
        statement = select(func.coalesce(func.sum(func.length(TABLE.c.raw)), 0)).where(open_ones)
        return int(self.connection.execute(statement).scalar_one())

    def sizes(self, ids: Sequence[str]) -> dict[str, int]:
        """Return the bytes of each of these, in their order, once each. Raises NoDeadLetter if one is missing."""
        found: dict[str, int] = {}
        for begin in range(0, len(ids), _AT_ONCE):
            some = TABLE.c.id.in_(ids[begin : begin + _AT_ONCE])
            rows = self.connection.execute(select(TABLE.c.id, func.length(TABLE.c.raw)).where(some))
            found |= {row[0]: row[1] for row in rows}
        missing = next((id_ for id_ in ids if id_ not in found), None)
        if missing is not None:
            raise NoDeadLetter(f"no dead letter has the id {missing[:100]!a}; see `flowledger dead-letters list`")
        return {id_: found[id_] for id_ in ids}

    def of_ids(self, ids: Sequence[str]) -> list[DeadLetter]:
        """Return the dead letters with these ids, in the order of their ids."""
        return [self._record(row) for row in self.connection.execute(self._of_ids(ids))]

    def locked(self, ids: Sequence[str]) -> list[DeadLetter]:
        """Return the same, locked: nobody else can change them until the transaction ends (`Storage.writing`)."""
        return [self._record(row) for row in self.connection.execute(self._of_ids(ids).with_for_update())]

    def statuses_locked(self, ids: Sequence[str]) -> dict[str, str]:
        """Return the statuses of the dead letters with these ids, locked in the same way."""
        statement = select(TABLE.c.id, TABLE.c.status).where(TABLE.c.id.in_(ids)).order_by(TABLE.c.id)
        return {row.id: row.status for row in self.connection.execute(statement.with_for_update())}

    def _of_ids(self, ids: Sequence[str]) -> Select[Any]:
        """Return the select in one order for all, so that two transactions that lock the same rows cannot deadlock."""
        return self._select().where(TABLE.c.id.in_(ids)).order_by(TABLE.c.id)

    def tried(self, ids: Sequence[str], status: DeadLetterStatus | None = None) -> None:
        """Count one more attempt, and set the status if one is given."""
        values: dict[str, Any] = {"attempts": TABLE.c.attempts + 1}
        if status is not None:
            values["status"] = status.value
        self.connection.execute(update(TABLE).where(TABLE.c.id.in_(ids)).values(values))

    def close(self, ids: Sequence[str], status: DeadLetterStatus) -> None:
        """Set the status of dead letters."""
        self.connection.execute(update(TABLE).where(TABLE.c.id.in_(ids)).values(status=status.value))


class _ListedDeadLetters(Repository[ListedDeadLetter]):
    table = TABLE
    record = ListedDeadLetter

    def oldest(self, only: DeadLetterFilter, limit: int, offset: int, after: str | None) -> Page[ListedDeadLetter]:
        return self._page(self._select().where(*only.clauses()), OLDEST_FIRST, limit, offset, after)

    def newest(self, only: DeadLetterFilter, limit: int, after: str | None) -> Page[ListedDeadLetter]:
        return self._page(self._select().where(*only.clauses()), NEWEST_FIRST, limit, 0, after)

    def about(self, id_: str, limit: int, status: DeadLetterStatus | None) -> list[ListedDeadLetter]:
        newest_first = self._select().order_by(TABLE.c.first_seen.desc(), TABLE.c.id)
        rows = self.connection.execute(newest_first.where(*_is_about(id_, status)).limit(limit))
        return [self._record(row) for row in rows]

    def about_subjects(self, ids: Sequence[str], limit: int) -> list[ListedDeadLetter]:
        newest_first = self._select().order_by(TABLE.c.first_seen.desc(), TABLE.c.id)
        rows = self.connection.execute(newest_first.where(TABLE.c.subject.in_(ids)).limit(limit))
        return [self._record(row) for row in rows]

    def _select(self) -> Select[Any]:
        size = func.length(TABLE.c.raw).label("size")
        names = (field.name for field in fields(ListedDeadLetter))
        return select(*(size if name == "size" else TABLE.c[name] for name in names))


def _is_about(id_: str, status: DeadLetterStatus | None) -> list[ColumnElement[bool]]:
    named = [or_(*(TABLE.c[name] == plain(id_) for name in ("subject", "event_id", "id")))]
    return named if status is None else [*named, TABLE.c.status == status.value]


def dead_letter_id(stream: str, entry_id: str, raw: bytes) -> str:
    """Return the id of an entry's dead letter, which is made from its content (docs/decisions/0008)."""
    return derived_id("dead", stream, entry_id, raw)
