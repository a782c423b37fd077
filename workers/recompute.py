"""The journal recorded again, into a scratch database, by the writes of the recorder."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection

from flowledger.domain.envelope import Event, parse
from flowledger.domain.errors import Refused
from flowledger.domain.limits import WIDEST
from flowledger.storage import tables
from flowledger.storage.engines.erased import BLANK
from flowledger.storage.kinds import transaction_of
from flowledger.storage.ledger.event_texts import with_texts
from flowledger.storage.replay import plain
from flowledger.storage.replay.plain import Key, PlainRow, key_of
from flowledger.storage.replay.scratch import Scratch

Tell = Callable[[str, int, int], None]
"""Hears of progress: the phase, how many rows (or subjects) are done in it, and how many there are."""

_COLUMNS: Final = tuple(column.name for column in tables.events.c)
_TEXT_KEY: Final = (_COLUMNS.index("recorded_at"), _COLUMNS.index("meaning"))

Recorded = tuple[PlainRow, str | None]
"""A row of the journal, and its text; None if that is gone."""


class Kind(StrEnum):
    """How a row differs from what the journal says."""

    MISSING = "missing"
    UNEXPECTED = "unexpected"
    DIFFERENT = "different"
    DAMAGED = "damaged"
    """A row of the journal itself whose text can no longer be recorded: nothing is left to mend it by."""
    UNDECIDED = "undecided"
    """A row of a subject with a damaged event: what it should say is not known, so it is left as it is."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column that differs: what was found there, and what the journal says."""

    name: str
    found: Any
    expected: Any


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that is not as the journal says; `columns` if it differs, `detail` if it is damaged."""

    table: str
    key: Key
    kind: Kind
    columns: tuple[Column, ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True)
class JournalRow:
    """A row of the journal, and the event that its text holds, or why it holds none that can be recorded here.

    If the text is gone, there is neither.
    """

    row: dict[str, Any]
    key: Key
    event: Event | None
    damage: str

    @property
    def is_gone(self) -> bool:
        """Whether the text is gone: what the event wrote cannot be computed any more."""
        return self.event is None and not self.damage

    @property
    def is_erased(self) -> bool:
        """Whether only the name of the event is left."""
        return bool(self.row["meaning"] == BLANK)

    @classmethod
    def read(cls, row: PlainRow, raw: str | None) -> JournalRow:
        """Read the text by today's rules, except for the limits, which may have been others."""
        columns = dict(zip(_COLUMNS, row, strict=True))
        key = key_of(tables.events, row) or ()
        if raw is None:
            return cls(columns, key, None, "")
        try:
            event = parse(raw.encode("utf-8", "surrogatepass"), WIDEST)
        except Refused as refused:
            return cls(columns, key, None, f"the text is no event: {refused}")
        if (event.source, event.id) != key:
            return cls(columns, key, None, f"the text is another event: {event.source} {event.id}")
        return cls(columns, key, event, "")

    def difference(self) -> Difference | None:
        """Return how the columns differ from the text; None if they do not, or it is gone. (Any shard is right.)"""
        if self.is_gone:
            return None
        if self.event is None:
            return Difference("events", self.key, Kind.DAMAGED, detail=self.damage)
        said = [(name, self.row[name], getattr(self.event, name)) for name in ("type", "subject", "time", "sequence")]
        said.append(("meaning", self.row["meaning"].hex(), self.event.meaning.hex()))
        columns = tuple(Column(*one) for one in said if one[1] != one[2])
        return Difference("events", self.key, Kind.DIFFERENT, columns) if columns else None


def journal_of(connection: Connection, where: ColumnElement[bool] | None = None) -> Generator[Recorded]:
    """Yield the rows of the journal (those `where`), each with its text, in any order, fetched a few at a time."""
    with closing(plain.in_any_order(connection, tables.events, where)) as rows:
        yield from with_texts(connection, rows, lambda row: (row[_TEXT_KEY[0]], row[_TEXT_KEY[1]]))


def recompute(rows: Iterator[Recorded], scratch: Scratch) -> Iterator[tuple[JournalRow, Difference | None]]:
    """Write to the scratch database what each event of the journal writes; yield each row as it is done."""
    for row, raw in rows:
        journal = JournalRow.read(row, raw)
        difference = journal.difference()
        if journal.event is not None:
            try:
                recorded_at = str(journal.row["recorded_at"])
                scratch.write(transaction_of(journal.event, 0, recorded_at).writes)
            except (sqlite3.Error, OverflowError) as error:
                difference = Difference("events", journal.key, Kind.DAMAGED, detail=f"cannot be recorded: {error}")
        yield journal, difference
