"""Dead letters: what could not be recorded, with its exact bytes and the reason in words."""

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
    func,
    or_,
    select,
    update,
)

from flowledger.domain.errors import LedgerError, Reason, Refused
from flowledger.domain.ids import content_id
from flowledger.domain.json_text import plain
from flowledger.domain.records import DeadLetter, ListedDeadLetter
from flowledger.domain.statuses import DeadLetterStatus
from flowledger.storage.merge.writes import Write
from flowledger.storage.paging import Order, Page
from flowledger.storage.repository import Repository
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
    # By hash: these may be as long as an event, and a tree has no room for that.
    Index("ix_dead_letters_subject", "subject", postgresql_using="hash"),
    Index("ix_dead_letters_event_id", "event_id", postgresql_using="hash"),
)


OLDEST_FIRST = Order((TABLE.c.first_seen, TABLE.c.id))

_PREFIX: Final = "dead_"
_FEW: Final = 3
_AT_ONCE: Final = 500


class NoDeadLetter(LedgerError):
    """No dead letter, or more than one, has an id that begins so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterFilter:
    """Which dead letters are meant: all that is given must hold. Times are those of `first_seen`, `until` excluded."""

    status: DeadLetterStatus | None = DeadLetterStatus.OPEN
    reason: Reason | None = None
    type: str | None = None
    source: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def clauses(self) -> list[ColumnElement[bool]]:
        """What must hold, in SQL."""
        columns = TABLE.c
        clauses = [
            columns[name] == plain(value)
            for name in ("status", "reason", "type", "source", "subject")
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
        """The row of a refused entry; the same entry again is the same row, whatever was done with that since.

        `readable` is what could still be read of `type`, `source`, `subject` and `event_id`. Of `raw` no more than
        `most_bytes` are kept.
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
        """The one id that begins so, `dead_` or not before it; raises NoDeadLetter where none does, or several do."""
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
        """Dead letters with their bytes, oldest first."""
        return self._page(self._select().where(*only.clauses()), OLDEST_FIRST, limit, offset, after)

    def listed(
        self, only: DeadLetterFilter = OPEN, *, limit: int = 50, offset: int = 0, after: str | None = None
    ) -> Page[ListedDeadLetter]:
        """The same without their bytes: any number of them fits into memory."""
        return _ListedDeadLetters(self.connection).oldest(only, limit, offset, after)

    def about(self, id_: str, *, limit: int, status: DeadLetterStatus | None = None) -> list[ListedDeadLetter]:
        """Those whose subject, event or own id this is, the newest first; in one status, or in any."""
        return _ListedDeadLetters(self.connection).about(id_, limit, status)

    def count_about(self, id_: str, *, status: DeadLetterStatus | None = None) -> int:
        """How many there are of these."""
        statement = select(func.count()).select_from(TABLE).where(*_is_about(id_, status))
        return self.connection.execute(statement).scalar_one()

    def count_of(self, only: DeadLetterFilter = OPEN) -> int:
        """How many there are."""
        statement = select(func.count()).select_from(TABLE).where(*only.clauses())
        return self.connection.execute(statement).scalar_one()

    def open_bytes(self) -> int:
        """How many bytes all open ones have, together."""
        open_ones = TABLE.c.status == DeadLetterStatus.OPEN
        statement = select(func.coalesce(func.sum(func.length(TABLE.c.raw)), 0)).where(open_ones)
        return int(self.connection.execute(statement).scalar_one())

    def sizes(self, ids: Sequence[str]) -> dict[str, int]:
        """How many bytes each of these has, in their order, once each; raises NoDeadLetter where one is missing."""
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
        """Those with these ids, in the order of their ids."""
        return [self._record(row) for row in self.connection.execute(self._of_ids(ids))]

    def locked(self, ids: Sequence[str]) -> list[DeadLetter]:
        """The same, locked: nobody else changes them until the transaction ends (`Storage.writing`)."""
        return [self._record(row) for row in self.connection.execute(self._of_ids(ids).with_for_update())]

    def statuses_locked(self, ids: Sequence[str]) -> dict[str, str]:
        """The statuses of those with these ids, locked in the same way."""
        statement = select(TABLE.c.id, TABLE.c.status).where(TABLE.c.id.in_(ids)).order_by(TABLE.c.id)
        return {row.id: row.status for row in self.connection.execute(statement.with_for_update())}

    def _of_ids(self, ids: Sequence[str]) -> Select[Any]:
        """In one order for all, so that two who lock some of the same ones do not wait for each other for ever."""
        return self._select().where(TABLE.c.id.in_(ids)).order_by(TABLE.c.id)

    def tried(self, ids: Sequence[str], status: DeadLetterStatus | None = None) -> None:
        """Counts a further attempt, and sets the status where one is given."""
        values: dict[str, Any] = {"attempts": TABLE.c.attempts + 1}
        if status is not None:
            values["status"] = status.value
        self.connection.execute(update(TABLE).where(TABLE.c.id.in_(ids)).values(values))

    def close(self, ids: Sequence[str], status: DeadLetterStatus) -> None:
        """Sets the status of dead letters."""
        self.connection.execute(update(TABLE).where(TABLE.c.id.in_(ids)).values(status=status.value))


class _ListedDeadLetters(Repository[ListedDeadLetter]):
    table = TABLE
    record = ListedDeadLetter

    def oldest(self, only: DeadLetterFilter, limit: int, offset: int, after: str | None) -> Page[ListedDeadLetter]:
        return self._page(self._select().where(*only.clauses()), OLDEST_FIRST, limit, offset, after)

    def about(self, id_: str, limit: int, status: DeadLetterStatus | None) -> list[ListedDeadLetter]:
        newest_first = self._select().order_by(TABLE.c.first_seen.desc(), TABLE.c.id)
        rows = self.connection.execute(newest_first.where(*_is_about(id_, status)).limit(limit))
        return [self._record(row) for row in rows]

    def _select(self) -> Select[Any]:
        size = func.length(TABLE.c.raw).label("size")
        names = (field.name for field in fields(ListedDeadLetter))
        return select(*(size if name == "size" else TABLE.c[name] for name in names))


def _is_about(id_: str, status: DeadLetterStatus | None) -> list[ColumnElement[bool]]:
    named = [or_(*(TABLE.c[name] == plain(id_) for name in ("subject", "event_id", "id")))]
    return named if status is None else [*named, TABLE.c.status == status.value]


def dead_letter_id(stream: str, entry_id: str, raw: bytes) -> str:
    """The id of the dead letter that an entry becomes: it comes from its content (docs/decisions/0008)."""
    return content_id("dead", stream.encode(), entry_id.encode(), raw)
