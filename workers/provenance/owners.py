"""The owner of each group of the rows of one subject, computed from the journal, and compared with the rows.

The subject's events are recorded again in a scratch database, by the recorder's own writes, as `verify` does. The rows
computed there hold the owners' keys; the owner of a group is the event whose key that is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table

from flowledger.domain.json_text import plain as plain_text
from flowledger.storage import tables
from flowledger.storage.kinds import KINDS
from flowledger.storage.kinds.kind import Kind
from flowledger.storage.kinds.parts import DESCRIPTION
from flowledger.storage.replay import plain
from flowledger.storage.replay.plain import PlainRow
from flowledger.storage.replay.scratch import Scratch
from flowledger.storage.transactions import snapshot
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.damage import subject_of
from flowledger.workers.provenance.claims import Claim, Contest, RowKey, claims
from flowledger.workers.provenance.reasons import reason
from flowledger.workers.recompute import Difference, journal_of, recompute
from flowledger.workers.repair import rows_of
from flowledger.workers.verify import difference_of

_KEY_ENDINGS: Final = ("_key", "_keys")


@dataclass(frozen=True, slots=True)
class Lost:
    """An event that lost, and the reason in words."""

    event: Claim
    reason: str


@dataclass(frozen=True, slots=True)
class Group:
    """A group of a row: its owner, and who lost to it, the nearest first.

    `owner` is None if nobody wrote the group, or if each event is added (`adds`), or if it is not known
    (`Provenance.unreadable`).
    """

    name: str
    columns: tuple[str, ...]
    owner: Claim | None
    lost: tuple[Lost, ...] = ()
    adds: tuple[Claim, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnedRow:
    """A row, and who owns its groups; `values` are as the journal says. `difference` if the row is not like that."""

    kind: Kind
    table: Table
    key: RowKey
    values: Mapping[str, Any]
    groups: tuple[Group, ...]
    difference: Difference | None = None

    def named_key(self) -> dict[str, Any]:
        """Return the primary key by names."""
        return dict(zip((column.name for column in self.table.primary_key), self.key, strict=True))


@dataclass(frozen=True, slots=True)
class Provenance:
    """The rows of a subject. `unreadable` are events whose text is gone or damaged: then not all can be computed."""

    subject: str
    rows: tuple[OwnedRow, ...]
    events: int
    unreadable: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """The rows that are asked for: of the tables of these names, or, if there are none, the subject's own rows.

    `key` are values that columns of their primary keys must have, as text. `limit` is for each table.
    """

    tables: Collection[str] = ()
    key: Mapping[str, str] = field(default_factory=dict)
    limit: int = 20

    def has(self, table: Table) -> bool:
        """Return whether rows of this table are asked for."""
        return table.name in self.tables if self.tables else len(table.primary_key) == 1

    def keeps(self, table: Table, row: RowKey) -> bool:
        """Return whether the row with this primary key is asked for."""
        if not self.key:
            return True
        named = {column.name: str(value) for column, value in zip(table.primary_key, row, strict=True)}
        return all(named.get(name) == value for name, value in self.key.items())


OWN: Final = Wanted()


@dataclass(slots=True)
class _Told:
    """What the events of a subject claim: for each row, each contest and who takes part."""

    wanted: Wanted
    tables: set[str] = field(default_factory=set)
    contests: dict[tuple[str, RowKey], dict[Contest, list[Claim]]] = field(default_factory=dict)
    events: int = 0
    unreadable: list[tuple[str, str]] = field(default_factory=list)

    def add(self, contest: Contest, claim: Claim) -> None:
        of_row = self.contests.setdefault((contest.table.name, contest.row), {})
        of_row.setdefault(contest, []).append(claim)


def provenance(storage: Storage, subject: str, wanted: Wanted = OWN) -> Provenance:
    """Return who owns what of the `wanted` rows of a subject, of whatever kinds; without rows if none is recorded.

    Reads the subject's events and rows in one snapshot. Raises DatabaseUnavailable and NoRoom.
    """
    subject = plain_text(subject)
    with Scratch() as scratch, snapshot(storage) as connection:
        told = _told(connection, subject, scratch, wanted)
        rows = tuple(
            row
            for kind in KINDS
            for table, where in rows_of(kind.table, [subject])
            if wanted.has(table)
            for row in _rows(connection, scratch, told, table, where)
            if row.kind is kind
        )
    return Provenance(subject, rows, told.events, tuple(told.unreadable))


def _told(connection: Connection, subject: str, scratch: Scratch, wanted: Wanted) -> _Told:
    told = _Told(wanted)
    events = tables.events
    with closing(journal_of(connection, events.c.subject == subject)) as journal:
        for row, difference in recompute(journal, scratch):
            told.events += 1
            if row.event is None or (difference is not None and difference.detail):
                told.unreadable.append((str(row.row["source"]), str(row.row["id"])))
                continue
            for contest, claim in claims(row.event, str(row.row["recorded_at"])):
                told.tables.add(contest.table.name)
                if wanted.has(contest.table) and wanted.keeps(contest.table, contest.row):
                    told.add(contest, claim)
    return told


def _rows(
    connection: Connection, scratch: Scratch, told: _Told, table: Table, where: ColumnElement[bool]
) -> Iterator[OwnedRow]:
    """Yield the rows of one table, those that should be there and those that are, in order of their keys."""
    names = [column.name for column in table.c]
    wanted = told.wanted
    expected = _first(scratch.connection, table, where, wanted) if table.name in told.tables else {}
    found = _first(connection, table, where, wanted)
    pairs = plain.differing(table, iter(found.values()), iter(expected.values()))
    differences = {pair.key: difference_of(table, pair) for pair in pairs}
    for key in [*dict.fromkeys([*expected, *found])][: wanted.limit]:
        first, other = (found, expected) if told.unreadable else (expected, found)
        values = dict(zip(names, first.get(key) or other[key], strict=True))
        groups = tuple(_groups(table, values, told.contests.get((table.name, key), {})))
        subjects, _ = subject_of(table, values)
        kind = next(one for one in KINDS if one.table is subjects)
        yield OwnedRow(kind, table, key, values, groups, None if told.unreadable else differences.get(key))


def _first(connection: Connection, table: Table, where: ColumnElement[bool], wanted: Wanted) -> dict[RowKey, PlainRow]:
    with closing(plain.rows(connection, table, where)) as rows:
        keyed = ((plain.key_of(table, row) or (), row) for row in rows)
        return dict(islice((one for one in keyed if wanted.keeps(table, one[0])), wanted.limit))


def _groups(table: Table, values: Mapping[str, Any], contests: Mapping[Contest, list[Claim]]) -> Iterator[Group]:
    """Yield the groups in the order of the table, then the columns that nobody wrote."""
    places = {column.name: place for place, column in enumerate(table.c)}
    for contest in sorted(contests, key=lambda one: places[one.columns[0]]):
        yield _decided(contest, values, contests[contest])
    written = {name for contest in contests for name in contest.columns}
    for column in table.c:
        if not (column.primary_key or column.name in written or column.name.endswith(_KEY_ENDINGS)):
            yield Group(column.name, (column.name,), None)


def _decided(contest: Contest, values: Mapping[str, Any], some: list[Claim]) -> Group:
    some = sorted(some, key=lambda one: (one.teller.source, one.teller.id))
    if contest.adds:
        return Group(contest.name, contest.columns, None, adds=tuple(some))
    owner = next((claim for claim in some if _owns(contest, claim, values)), None)
    if owner is None:
        return Group(contest.name, contest.columns, None)
    others = sorted((one for one in some if one is not owner), key=_place, reverse=not contest.least)
    return Group(contest.name, contest.columns, owner, tuple(Lost(one, reason(contest, one, owner)) for one in others))


def _place(claim: Claim) -> tuple[Any, str]:
    return "" if claim.key is None else claim.key, claim.then or ""


def _owns(contest: Contest, claim: Claim, values: Mapping[str, Any]) -> bool:
    """Whether the row holds the key of this claim."""
    if contest.key is None:
        return True
    if contest.field is not None:
        return bool(contest.table.info[DESCRIPTION].owner(contest.field, values) == claim.key)
    return bool(values[contest.key] == claim.key and (contest.then is None or values[contest.then] == claim.then))
