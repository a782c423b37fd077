"""What a verification found to mend, written down in the scratch database: it may be more than memory holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Table

from flowledger.domain.events import EVENT_TYPES
from flowledger.storage.kinds import KINDS, kind_of, owners_of
from flowledger.storage.replay.plain import Key, Pair
from flowledger.storage.replay.scratch import Scratch
from flowledger.storage.retention.horizons import OF_EVENTS, OF_WHOLES
from flowledger.workers.recompute import Difference, JournalRow, Kind

SUBJECTS: Final = tuple(kind.table for kind in KINDS)
"""The tables of subjects. An event writes the row of its subject, and rows that belong to it.

Of a kind that has rows of events alone, the first table stands for the subjects.
"""

_TABLES: Final = (
    "CREATE TABLE to_mend (subjects TEXT, id TEXT, PRIMARY KEY (subjects, id)) WITHOUT ROWID",
    "CREATE TABLE strays (name TEXT, source TEXT, event_id TEXT, recorded_at TEXT, "
    "PRIMARY KEY (name, source, event_id, recorded_at))",
    "CREATE TABLE journal_rows (source TEXT, id TEXT, PRIMARY KEY (source, id)) WITHOUT ROWID",
    "CREATE TABLE unreadable (id TEXT PRIMARY KEY) WITHOUT ROWID",
    "CREATE TABLE gone (id TEXT PRIMARY KEY) WITHOUT ROWID",
    "CREATE TABLE aged (subjects TEXT, id TEXT, PRIMARY KEY (subjects, id)) WITHOUT ROWID",
)


class Damage:
    """Subjects whose rows differ, log lines that have no event, rows of the journal to mend or to leave alone.

    A subject with an event that can no longer be read is unreadable: its rows must not be computed from the rest. The
    same is true of one with an event whose text is gone, but that is no damage. One with an event before a horizon may
    have gone by age, and what came later may have made its rows again: if they differ, they are not judged either.
    """

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self.damaged_events = 0
        for statement in _TABLES:
            scratch.execute(statement)

    def of_gone(self, row: JournalRow) -> None:
        """Note a row of the journal whose text is gone."""
        self._scratch.execute("INSERT OR IGNORE INTO gone VALUES (?)", (row.row["subject"],))

    def of_aged(self, row: JournalRow, before: str) -> bool:
        """Note the subject of a row of the journal if it may have gone by age, with what was `before` the horizon."""
        model = EVENT_TYPES.get(row.row["type"])
        subjects = None if model is None else kind_of(model).table.name
        is_aged = row.row["recorded_at"] < before and subjects in OF_WHOLES
        if is_aged:
            self._scratch.execute("INSERT OR IGNORE INTO aged VALUES (?, ?)", (subjects, row.row["subject"]))
        return is_aged

    def is_aged(self, table: Table, pair: Pair, before: str) -> bool:
        """Return whether a row that differs may have gone by age; `before` is the horizon of rows that are events'."""
        if table.name in OF_EVENTS:
            return recorded_at_of(table, pair) < before
        subjects, subject = _subject_of_pair(table, pair)
        return bool(self._scratch.execute("SELECT 1 FROM aged WHERE subjects = ? AND id = ?", (subjects.name, subject)))

    def of_gone_sum(self, table: Table, pair: Pair) -> None:
        """Note a row of sums that names of events have left: that its subject cannot be computed any more."""
        self._scratch.execute("INSERT OR IGNORE INTO gone VALUES (?)", (_subject_of_pair(table, pair)[1],))

    def of_journal(self, row: JournalRow, difference: Difference) -> None:
        """Note a row of the journal that differs from its own text, or whose text cannot be read."""
        if difference.kind is Kind.DIFFERENT:
            self._scratch.execute("INSERT OR IGNORE INTO journal_rows VALUES (?, ?)", row.key)
            return
        self.damaged_events += 1
        self._scratch.execute("INSERT OR IGNORE INTO unreadable VALUES (?)", (row.row["subject"],))
        if row.event is not None:
            self._scratch.execute("INSERT OR IGNORE INTO unreadable VALUES (?)", (row.event.subject,))

    def of_row(self, table: Table, pair: Pair) -> bool:
        """Note a row of another table that differs; return False if nobody can know what it should be."""
        subjects, subject = _subject_of_pair(table, pair)
        if has_one_event(table) and pair.expected is None:
            self._scratch.execute("INSERT OR IGNORE INTO strays VALUES (?, ?, ?, ?)", (table.name, *pair.key))
        else:
            self.of_subject(subjects, subject)
        return bool(self.readable(subjects, [subject]))

    def is_gone(self, table: Table, pair: Pair) -> bool:
        """Return whether a row that differs cannot be judged, because a text about its subject is gone."""
        return bool(self._scratch.execute("SELECT 1 FROM gone WHERE id = ?", (_subject_of_pair(table, pair)[1],)))

    def gone(self) -> int:
        """Return how many subjects cannot be computed any more, because texts about them are gone."""
        return int(self._scratch.execute("SELECT count(*) FROM gone")[0][0])

    def of_subject(self, subjects: Table, subject: str) -> None:
        """Note a subject whose rows are to be computed anew."""
        self._scratch.execute("INSERT OR IGNORE INTO to_mend VALUES (?, ?)", (subjects.name, subject))

    def subjects(self, subjects: Table, at_once: int) -> Iterator[list[str]]:
        """The ids to mend in a table of subjects that can be computed, in order."""
        after = ""
        sql = (
            "SELECT id FROM to_mend WHERE subjects = ? AND id > ? AND id NOT IN (SELECT id FROM unreadable)"
            " AND id NOT IN (SELECT id FROM gone) AND (subjects, id) NOT IN (SELECT subjects, id FROM aged)"
            " ORDER BY id LIMIT ?"
        )
        while found := self._scratch.execute(sql, (subjects.name, after, at_once)):
            yield [subject for (subject,) in found]
            after = found[-1][0]

    def readable(self, subjects: Table, ids: Sequence[str]) -> list[str]:
        """Those of `ids` that can (still) be computed."""
        sql = (
            "SELECT 1 FROM unreadable WHERE id = ?1 UNION ALL SELECT 1 FROM gone WHERE id = ?1"
            " UNION ALL SELECT 1 FROM aged WHERE id = ?1 AND subjects = ?2"
        )
        return [one for one in ids if not self._scratch.execute(sql, (one, subjects.name))]

    def strays(self, table: Table, at_once: int) -> Iterator[list[Key]]:
        """The keys of rows of a table whose rows are one event's, if that event was not there."""
        sql = (
            "SELECT source, event_id, recorded_at FROM strays WHERE name = ?"
            " AND (source, event_id, recorded_at) > (?, ?, ?) ORDER BY 1, 2, 3 LIMIT ?"
        )
        return self._keys(sql, ("", "", ""), at_once, table.name)

    def journal_rows(self, at_once: int) -> Iterator[list[Key]]:
        """The keys of rows of the journal that can be mended from their own texts."""
        return self._keys(
            "SELECT * FROM journal_rows WHERE (source, id) > (?, ?) ORDER BY 1, 2 LIMIT ?", ("", ""), at_once
        )

    def count(self) -> int:
        """How many subjects there are to mend, unreadable ones among them."""
        return int(self._scratch.execute("SELECT count(*) FROM to_mend")[0][0])

    def left(self) -> int:
        """How many events cannot be read, and subjects cannot be mended for it."""
        sql = "SELECT count(*) FROM to_mend WHERE id IN (SELECT id FROM unreadable)"
        return self.damaged_events + int(self._scratch.execute(sql)[0][0])

    def _keys(self, sql: str, after: Key, at_once: int, *given: str) -> Iterator[list[Key]]:
        while found := self._scratch.execute(sql, (*given, *after, at_once)):
            yield list(found)
            after = found[-1]


def subject_of(table: Table, row: Mapping[str, Any]) -> tuple[Table, str]:
    """Return the table of the subject to which a row belongs, and the subject's id."""
    return next((subjects, row[column]) for subjects, column in owners_of(table) if row[column] is not None)


def _subject_of_pair(table: Table, pair: Pair) -> tuple[Table, str]:
    row = pair.expected or pair.found or ()
    return subject_of(table, dict(zip((column.name for column in table.c), row, strict=True)))


def recorded_at_of(table: Table, pair: Pair) -> str:
    """Return when the event of a row was recorded, of a table whose rows are events'."""
    row = pair.expected or pair.found or ()
    return str(row[[column.name for column in table.c].index("recorded_at")])


def has_one_event(table: Table) -> bool:
    """Whether a row of the table is one event's, by whose name it goes, as a log line is."""
    return [column.name for column in table.primary_key][:2] == ["source", "event_id"]
