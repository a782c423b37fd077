"""Repair rows so that they agree with the journal, while workers go on recording.

Every event's first write is an upsert of the row of its subject, and an upsert locks the row it meets even if the
event changes nothing (PostgreSQL: ON CONFLICT DO UPDATE … WHERE). So that row, locked, is a door through which each
event of the subject must come before it commits. A repair locks the door (it makes the row if it is missing), and
only then reads the subject's events. An event is then either committed, and read; or its transaction waits at the door
until the repair is committed, and writes onto the mended rows by the merge rule as onto any others. There is no third
case, so the rows that the repair computes are right, and it may write them as they are: insert, update or delete. (On
SQLite the door is the database: BEGIN IMMEDIATE, then read.)

A worker writes the row of a node run or a delivery before it comes to the door, so it may wait there and hold a row
that we want. Behind the door a repair therefore waits for nothing: it gives way, and does its batch again.

A log line has one event and is written once. The event of a line that is there without one may come at this moment, so
while it is asked for and the line deleted, no event is recorded at all (LOCK … IN SHARE MODE; two look-ups by key).

Metrics and audit lines have no row of a subject. Every event of such a kind inserts into the kind's first table, so
that table, locked, is the door: while a repair is behind it, no event of this kind is recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Final

from sqlalchemy import ColumnElement, Connection, Table, Text, bindparam, select, text, tuple_, update
from sqlalchemy.dialects import postgresql

from flowledger.domain.errors import DatabaseUnavailable
from flowledger.domain.events import EVENT_TYPES
from flowledger.domain.times import now
from flowledger.storage import tables
from flowledger.storage.kinds import KINDS, MERGED, kind_of, owners_of
from flowledger.storage.replay import plain
from flowledger.storage.replay.plain import Key
from flowledger.storage.replay.scratch import Scratch
from flowledger.storage.retention import horizons
from flowledger.storage.retention.erasures import not_erased
from flowledger.storage.schema.types import UtcTime
from flowledger.storage.transactions import changing
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.damage import SUBJECTS, Damage, has_one_event, recorded_at_of
from flowledger.workers.recompute import JournalRow, Kind, Tell, journal_of, recompute

_SUBJECTS_AT_ONCE: Final = 5_000
"""Subjects in one transaction: the journal, which has no index of subjects, is read once for all of them."""
_KEYS_AT_ONCE: Final = 500
_PAIRS_AT_ONCE: Final = 500
_TRIES: Final = 10
_WAIT_FOR_NOTHING: Final = text("SET LOCAL lock_timeout TO '100ms'")


@dataclass(frozen=True, slots=True)
class Mended:
    """How many rows were mended, and how many events and subjects were left, because events cannot be read."""

    rows: int
    left: int


class _Unreadable(Exception):
    """An event of the batch cannot be read, its text is gone, or it is before a horizon: again, without its subject."""


def repair(storage: Storage, scratch: Scratch, damage: Damage, tell: Tell) -> Mended:
    """Repair what `damage` lists, batch by batch, each in a transaction of its own; `scratch` is used anew.

    Raises DatabaseUnavailable; what was mended by then stays so.
    """
    rows = 0
    for keys in damage.journal_rows(_KEYS_AT_ONCE):
        rows += _again(partial(_mend_journal, storage, keys))
    for table in filter(has_one_event, MERGED):
        for keys in damage.strays(table, _KEYS_AT_ONCE):
            rows += _again(partial(_remove_strays, storage, damage, table, keys))
    done, total = 0, damage.count()
    for subjects in SUBJECTS:
        for ids in damage.subjects(subjects, _SUBJECTS_AT_ONCE):
            tell("repair", done, total)
            rows += _again(partial(_mend_subjects, storage, scratch, damage, subjects, ids))
            done += len(ids)
    tell("repair", total, total)
    return Mended(rows, damage.left())


def _again(mend: Callable[[], int]) -> int:
    """Call `mend`, and retry it a few times if it gave way, or if the database ended the transaction."""
    for _ in range(_TRIES - 1):
        try:
            return mend()
        except (DatabaseUnavailable, _Unreadable):
            continue
    return mend()


def _mend_journal(storage: Storage, keys: Sequence[Key]) -> int:
    """Set the columns to what the text says. Nobody else changes rows of the journal."""
    events, texts = tables.events, tables.event_texts
    names = [column.name for column in events.c]
    mended = []
    with changing(storage) as connection:
        read = [*journal_of(connection, tuple_(events.c.source, events.c.id).in_(keys))]
        found = [JournalRow.read(row, raw) for row, raw in read]
        kept = not_erased(connection, [journal.row["subject"] for journal in found])
        for journal in found:
            difference = journal.difference() if journal.row["subject"] in kept else None
            if difference is None or difference.kind is not Kind.DIFFERENT or journal.event is None:
                continue
            right = journal.row | {column.name: column.expected for column in difference.columns}
            right["meaning"] = journal.event.meaning
            mended.append(tuple(right[name] for name in names))
            if right["meaning"] != journal.row["meaning"]:
                recorded_at = bindparam(None, journal.row["recorded_at"], Text())
                is_it = texts.c.recorded_at == recorded_at, texts.c.meaning == journal.row["meaning"]
                connection.execute(update(texts).where(*is_it).values(meaning=right["meaning"]))
        plain.put(connection, events, mended)
    return len(mended)


def _remove_strays(storage: Storage, damage: Damage, table: Table, keys: Sequence[Key]) -> int:
    """Delete rows that have no event of their name and time; the subject of one that came meanwhile is mended."""
    events = tables.events
    with changing(storage) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("LOCK TABLE events IN SHARE MODE"))
        of_keys = tuple_(events.c.source, events.c.id).in_([key[:2] for key in keys])
        with closing(plain.in_any_order(connection, events, of_keys)) as came:
            rows = [dict(zip((column.name for column in events.c), row, strict=True)) for row in came]
        here = {(row["source"], row["id"], row["recorded_at"]) for row in rows}
        stray = [key for key in keys if key not in here]
        plain.remove(connection, table, stray)
    for row in rows:
        damage.of_subject(kind_of(EVENT_TYPES[row["type"]]).table, row["subject"])
    return len(stray)


def _mend_subjects(storage: Storage, scratch: Scratch, damage: Damage, subjects: Table, ids: Sequence[str]) -> int:
    """Repair all rows of some subjects: lock, read the journal, compute, compare, write."""
    ids = damage.readable(subjects, ids)
    scratch.clear()
    with changing(storage) as connection:
        ids = not_erased(connection, ids)
        _lock(connection, subjects, ids)
        stand = horizons.read(connection)  # behind the door: what went by age before is known to be aged
        before = horizons.of_wholes(stand)
        with closing(journal_of(connection, tables.events.c.subject.in_(ids))) as journal:
            for row, difference in recompute(journal, scratch):
                if damage.of_aged(row, before):
                    raise _Unreadable
                if row.is_gone:
                    damage.of_gone(row)
                    raise _Unreadable
                if difference is not None and difference.kind is Kind.DAMAGED:
                    damage.of_journal(row, difference)
                    raise _Unreadable
        mended = sum(
            _mend_table(connection, scratch, table, where, horizons.of_events(stand, table))
            for table, where in rows_of(subjects, ids)
        )
        for kind in KINDS:
            if mended and kind.table is subjects and kind.repaired is not None:
                kind.repaired(connection, ids)
        return mended


def _lock(connection: Connection, subjects: Table, ids: Sequence[str]) -> None:
    """Lock the rows of the subjects, and of what belongs to them; make the subjects' rows that are missing first."""
    if connection.dialect.name == "sqlite":
        return  # nobody else writes until the end
    if has_one_event(subjects):
        connection.execute(text(f"LOCK TABLE {subjects.name} IN SHARE ROW EXCLUSIVE MODE"))
        connection.execute(_WAIT_FOR_NOTHING)
        return
    door = select(subjects.c.id).where(subjects.c.id.in_(ids)).order_by(subjects.c.id).with_for_update()
    while missing := sorted(set(ids) - set(connection.execute(door).scalars())):
        bare = postgresql.insert(subjects).on_conflict_do_nothing()
        times = {
            column.name: now() for column in subjects.c if isinstance(column.type, UtcTime) and not column.nullable
        }
        connection.execute(bare, [{"id": one} | times for one in missing])
    connection.execute(_WAIT_FOR_NOTHING)
    for table, where in rows_of(subjects, ids):
        if table is not subjects and not has_one_event(table):
            connection.execute(select(*table.primary_key).where(where).order_by(*table.primary_key).with_for_update())


def _mend_table(
    connection: Connection, scratch: Scratch, table: Table, where: ColumnElement[bool], horizon: str
) -> int:
    """Write the rows that differ, some at a time; return how many. Rows of events before the horizon stay gone."""
    mended, after = 0, None
    while True:
        expected = plain.rows(scratch.connection, table, where, after)
        with closing(plain.rows(connection, table, where, after)) as found, closing(expected):
            pairs = list(islice(plain.differing(table, found, expected), _PAIRS_AT_ONCE))
        kept = [one for one in pairs if not horizon or recorded_at_of(table, one) >= horizon]
        right = [pair.expected for pair in kept if pair.expected is not None]
        # A log line that belongs elsewhere is mended there; one that belongs nowhere is gone by now.
        wrong = [pair.key for pair in kept if pair.expected is None and not has_one_event(table)]
        plain.put(connection, table, right)
        plain.remove(connection, table, wrong)
        mended += len(right) + len(wrong)
        if len(pairs) < _PAIRS_AT_ONCE:
            return mended
        after = pairs[-1].key


def rows_of(subjects: Table, ids: Sequence[str]) -> list[tuple[Table, ColumnElement[bool]]]:
    """Return the tables that hold rows of the subjects, the subjects' own first, and which rows these are."""
    return [
        (table, table.c[column].in_(ids)) for table in MERGED for owner, column in owners_of(table) if owner is subjects
    ]
