"""Merged rows go by whole things: an execution with its tasks and messages, a task with its messages, a message.

A whole goes if all of it is old enough, and nothing of it is held (docs/contract/retention.md). It goes in a short
transaction. On PostgreSQL that locks the rows of its subjects first, those that nobody else has locked, and then looks
at their age again: every event locks the row of its subject before it commits, so each one is seen, or it waits, finds
no row any more, and makes a new one. It waits for nobody: a whole that others are busy with stays until the next round.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    false,
    func,
    null,
    or_,
    select,
    true,
    tuple_,
)

from flowledger.domain.errors import DatabaseUnavailable
from flowledger.domain.statuses import TERMINAL
from flowledger.storage.engines.engine import sqlstate
from flowledger.storage.kinds import executions, messages, tasks
from flowledger.storage.ledger.journal import TABLE as EVENTS
from flowledger.storage.ledger.outbox import TABLE as OUTBOX
from flowledger.storage.retention.belonging import Member, members, without_owner
from flowledger.storage.retention.holds import HELD, lock_held
from flowledger.storage.transactions import biting
from flowledger.storage.unit_of_work import Storage

ROOTS: Final = (executions.TABLE, tasks.TABLE, messages.TABLE)
"""What goes by itself, in this order; what belongs to another goes with that."""

_OWN: Final[Mapping[str, tuple[tuple[Table, str], ...]]] = {
    "executions": ((executions.FAILURES.table, "execution_id"), (executions.NODE_RUNS, "execution_id")),
    "tasks": ((tasks.FAILURES.table, "task_id"),),
    "messages": ((messages.DELIVERIES, "message_id"), (OUTBOX, "message_id")),
}
"""The tables whose rows belong to a subject, and go with it. (Log lines go by weeks.)"""

_ROOTS_AT_ONCE: Final = 100
_SUBJECTS_AT_ONCE: Final = 250
_ROWS_AT_ONCE: Final = 1_000
"""Rows of one transaction: it takes some 10 ms (docs/decisions/0059). What is larger goes in several."""
BUSY: Final = ("55P03", "40P01")
"""SQLSTATE: a lock was not to be had in time; a deadlock."""

_TERMINAL: Final = tuple(sorted(status.value for status in TERMINAL))

Place = tuple[datetime, str]
"""Where a walk is: `created_at` and id of the last root."""


class Horizons(NamedTuple):
    """Before which times wholes may go that have ended, and those that have not; None: never."""

    ended: datetime | None
    unfinished: datetime | None


class Walked(NamedTuple):
    """How many rows went, by table; with how many wholes others are busy; where to go on if the walk is not done."""

    went: Counter[str]
    busy: int
    is_done: bool
    place: Place | None = None


class _State(NamedTuple):
    """What decides whether a subject may go."""

    has_ended: bool
    finished_at: datetime | None
    last_at: datetime | None
    is_held: bool

    def is_before(self, horizon: datetime, has_ended: bool) -> bool:
        """Return whether the subject is older, by its last event; and, of a whole that has ended, by its end."""
        times = (self.last_at, self.finished_at if has_ended else None)
        return not self.is_held and all(time is None or time < horizon for time in times)


class _Bite(NamedTuple):
    """What one transaction did: how many rows went, by table; `is_more` if it did not get to the end."""

    went: Counter[str]
    is_more: bool = False


def tables_of(root: Table) -> tuple[Table, ...]:
    """Return the tables from which wholes with this root are deleted."""
    parts = ROOTS[ROOTS.index(root) :]
    return (*(own for part in parts for own, _ in _OWN[part.name]), *parts)


def let_go(
    storage: Storage,
    root: Table,
    horizons: Horizons,
    *,
    after: Place | None = None,
    go_on: Callable[[], bool] = lambda: True,
) -> Walked:
    """Let wholes go whose root is in this table, one of `ROOTS`, the oldest first, after the place `after`.

    `go_on` is asked after each transaction. May be called by many at once. Raises DatabaseUnavailable.
    """
    went: Counter[str] = Counter()
    busy, place = 0, after
    while True:
        with storage.reading() as connection:
            found = _candidates(connection, root, horizons, place)
            batches = [*_batches(connection, root, found)]
        for places, parts in batches:
            wholes = _Wholes(storage, root, horizons, parts)
            for bite in wholes.let_go():
                went += bite.went
                if not go_on():
                    return Walked(went, busy, is_done=False, place=place)
            busy += wholes.busy
            place = places[-1]
        if len(found) < _ROOTS_AT_ONCE:
            return Walked(went, busy, is_done=True)
        if not go_on():
            return Walked(went, busy, is_done=False, place=place)


class _Wholes:
    """Some wholes with the table of their roots; `busy` counts those that stay because others are busy with them."""

    def __init__(self, storage: Storage, root: Table, horizons: Horizons, parts: Sequence[Member]) -> None:
        self.busy = 0
        self._storage = storage
        self._root = root
        self._horizons = horizons
        self._parts = parts

    def let_go(self) -> Iterator[_Bite]:
        """Let go what may go, in one transaction, or in several if it is much; the root goes last."""
        with self._storage.reading() as connection:
            parts = self._old(self._parts, _states(connection, self._parts))
        if len(parts) > _SUBJECTS_AT_ONCE:  # a single whole: smaller ones are taken together
            itself = [one for one in parts if (one.table, one.id) == (self._root.name, one.root)]
            leaves = [one for one in parts if one not in itself]
            for begin in range(0, len(leaves), _SUBJECTS_AT_ONCE):
                yield from self._bites(leaves[begin : begin + _SUBJECTS_AT_ONCE], itself)
            parts = itself
        if parts:
            yield from self._bites(parts)

    def _bites(self, parts: Sequence[Member], spared: Sequence[Member] = ()) -> Iterator[_Bite]:
        is_more = True
        while is_more:
            try:
                bite = self._bite(parts, spared)
            except DatabaseUnavailable as error:
                if sqlstate(error) not in BUSY:
                    raise
                self.busy += len({one.root for one in parts})
                return
            yield bite
            is_more = bite.is_more

    def _bite(self, parts: Sequence[Member], spared: Sequence[Member]) -> _Bite:
        """Lock, look again, delete. With roots that are `spared`, some parts alone go; else also what is new of each.

        What became part of a whole in the meantime is not locked, so that whole stays.
        """
        with biting(self._storage) as connection:
            lock_held(connection)
            locked = _lock(connection, [*parts, *spared])
            roots = {one.root for one in parts}
            now = [*parts, *spared] if spared else members(connection, self._root, roots)
            old = self._old(now, _states(connection, now))
            left = {one.root for one in old if one not in locked}
            self.busy += len(left)
            return _delete(connection, [one for one in old if one.root not in left and one not in spared])

    def _old(self, parts: Sequence[Member], states: Mapping[tuple[str, str], _State]) -> list[Member]:
        """Return the parts of those wholes of which every part may go."""
        wholes: dict[str, list[Member]] = {}
        for one in parts:
            wholes.setdefault(one.root, []).append(one)
        return [one for whole in wholes.values() if self._is_old(whole, states) for one in whole]

    def _is_old(self, whole: Sequence[Member], states: Mapping[tuple[str, str], _State]) -> bool:
        found = [states[one.table, one.id] for one in whole if (one.table, one.id) in states]
        has_ended = all(one.has_ended for one in found)
        horizon = self._horizons.ended if has_ended else self._horizons.unfinished
        return horizon is not None and all(one.is_before(horizon, has_ended) for one in found)


def _candidates(connection: Connection, root: Table, horizons: Horizons, after: Place | None) -> list[Place]:
    """Return the first roots that may be old enough, by what their own rows say, after a place."""
    latest = max(one for one in horizons if one is not None)
    place = (root.c.created_at, root.c.id)
    is_held = exists().where(HELD.c.subject == root.c.id)
    statement = select(*place).where(root.c.created_at < latest, ~is_held, _may_be_old(root, horizons))
    statement = statement.where(without_owner(root)).order_by(*place).limit(_ROOTS_AT_ONCE)
    if after is not None:
        values = (bindparam(None, value, column.type) for value, column in zip(after, place, strict=True))
        statement = statement.where(tuple_(*place) > tuple_(*values))
    return [(row.created_at, row.id) for row in connection.execute(statement)]


def _may_be_old(root: Table, horizons: Horizons) -> ColumnElement[bool]:
    """Return the condition that a root's own status and end let it go; what is kept for ever costs no second look."""
    if "status" not in root.c:
        return true()
    finished_at = root.c.finished_at
    has_ended = root.c.status.in_(_TERMINAL)
    old = and_(has_ended, or_(finished_at.is_(None), finished_at < horizons.ended)) if horizons.ended else false()
    # One that has ended, with a part that has not, goes as an unfinished one.
    return old if horizons.unfinished is None else true()


def _batches(
    connection: Connection, root: Table, found: Sequence[Place]
) -> Iterator[tuple[Sequence[Place], Sequence[Member]]]:
    """Yield the roots with their members, few enough for one transaction, or a single root with however many."""
    if not found:
        return
    ids = [one[1] for one in found]
    parts = members(connection, root, ids, limit=_SUBJECTS_AT_ONCE + 1)
    if len(parts) <= _SUBJECTS_AT_ONCE:
        yield found, parts
    elif len(found) == 1:
        yield found, members(connection, root, ids)
    else:
        half = len(found) // 2
        yield from _batches(connection, root, found[:half])
        yield from _batches(connection, root, found[half:])


def _states(connection: Connection, parts: Sequence[Member]) -> dict[tuple[str, str], _State]:
    """Return what decides about each of these subjects; of one that is not there, nothing."""
    found: dict[tuple[str, str], _State] = {}
    for table, ids in _by_table(parts):
        last_at = select(func.max(EVENTS.c.recorded_at)).where(EVENTS.c.subject == table.c.id).scalar_subquery()
        is_held = exists().where(HELD.c.subject == table.c.id)
        ended, finished_at = _has_ended(table), table.c.get("finished_at", null())
        statement = select(table.c.id, ended, finished_at, last_at, is_held).where(table.c.id.in_(ids))
        found |= {(table.name, row[0]): _State(*row[1:]) for row in connection.execute(statement)}
    return found


def _has_ended(table: Table) -> ColumnElement[bool]:
    """Return the condition that nothing more is to be expected of a subject, if its whole has ended."""
    if "status" in table.c:
        return table.c.status.in_(_TERMINAL)
    return and_(~messages.is_waiting(table.c), ~exists().where(OUTBOX.c.message_id == table.c.id))


def _lock(connection: Connection, parts: Sequence[Member]) -> set[Member]:
    """Lock the rows of these subjects. Return those that nobody else has locked."""
    if connection.dialect.name == "sqlite":
        return set(parts)  # nobody else writes until the end
    free: set[tuple[str, str]] = set()
    for table, ids in _by_table(parts):
        rows = select(table.c.id).where(table.c.id.in_(ids)).order_by(table.c.id).with_for_update(skip_locked=True)
        free |= {(table.name, id_) for id_ in connection.execute(rows).scalars()}
    return {one for one in parts if (one.table, one.id) in free}


def _delete(connection: Connection, going: Sequence[Member]) -> _Bite:
    """Delete these subjects with their own rows; if those are many, some of them first, and nothing else."""
    went: Counter[str] = Counter()
    for table, ids in _by_table(going):
        for own, column in _OWN[table.name]:
            left = _ROWS_AT_ONCE - went.total()
            rows = select(*own.primary_key).where(own.c[column].in_(ids)).limit(left)
            went[own.name] += connection.execute(delete(own).where(tuple_(*own.primary_key).in_(rows))).rowcount
            if went.total() >= _ROWS_AT_ONCE:
                return _Bite(+went, is_more=True)
    for table, ids in _by_table(going):
        went[table.name] += connection.execute(delete(table).where(table.c.id.in_(ids))).rowcount
    return _Bite(+went)


def _by_table(parts: Collection[Member]) -> Iterator[tuple[Table, list[str]]]:
    """Yield the tables of these subjects, parts before what they belong to, with the ids in order."""
    for table in reversed(ROOTS):
        if ids := sorted({one.id for one in parts if one.table == table.name}):
            yield table, ids
