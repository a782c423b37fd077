"""The journal recorded again, into a scratch database, by the writes of the recorder."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from flowledger.domain.envelope import Event, parse
from flowledger.domain.errors import Refused
from flowledger.domain.limits import WIDEST
from flowledger.storage import tables
from flowledger.storage.kinds import transaction_of
from flowledger.storage.replay.plain import Key, PlainRow, key_of
from flowledger.storage.replay.scratch import Scratch

Tell = Callable[[str, int, int], None]
"""Hears of progress: the phase, how many rows (or subjects) are done in it, and how many there are."""

_COLUMNS: Final = tuple(column.name for column in tables.events.c)


class Kind(StrEnum):
    """How a row differs from what the journal says."""

    MISSING = "missing"
    UNEXPECTED = "unexpected"
    DIFFERENT = "different"
    DAMAGED = "damaged"
    """A row of the journal itself whose `raw` can no longer be recorded: nothing is left to mend it by."""
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
    """A row of the journal, and the event that its `raw` holds, or why it holds none that can be recorded here."""

    row: dict[str, Any]
    key: Key
    event: Event | None
    damage: str

    @classmethod
    def read(cls, row: PlainRow) -> JournalRow:
        """Read `raw` by today's rules, except for the limits, which may have been others."""
        columns = dict(zip(_COLUMNS, row, strict=True))
        key = key_of(tables.events, row) or ()
        try:
            event = parse(str(columns["raw"]).encode("utf-8", "surrogatepass"), WIDEST)
        except Refused as refused:
            return cls(columns, key, None, f"raw is no event: {refused}")
        if (event.source, event.id) != key:
            return cls(columns, key, None, f"raw is another event: {event.source} {event.id}")
        return cls(columns, key, event, "")

    def difference(self) -> Difference | None:
        """Return how the columns beside `raw` differ from it; None if they do not. (Any shard is right.)"""
        if self.event is None:
            return Difference("events", self.key, Kind.DAMAGED, detail=self.damage)
        said = [(name, self.row[name], getattr(self.event, name)) for name in ("type", "subject", "time", "sequence")]
        columns = tuple(Column(*one) for one in said if one[1] != one[2])
        return Difference("events", self.key, Kind.DIFFERENT, columns) if columns else None


def recompute(rows: Iterator[PlainRow], scratch: Scratch) -> Iterator[tuple[JournalRow, Difference | None]]:
    """Write to the scratch database what each event of the journal writes; yield each row as it is done."""
    for row in rows:
        journal = JournalRow.read(row)
        difference = journal.difference()
        if journal.event is not None:
            try:
                recorded_at = str(journal.row["recorded_at"])
                scratch.write(transaction_of(journal.event, 0, recorded_at).writes)
            except (sqlite3.Error, OverflowError) as error:
                difference = Difference("events", journal.key, Kind.DAMAGED, detail=f"cannot be recorded: {error}")
        yield journal, difference
