"""Merged rows go by whole things: an execution with its tasks and messages, a task with its messages, a message.

A whole goes if all of it is old enough, and nothing of it is held (docs/contract/retention.md). It goes in a short
transaction. On PostgreSQL that locks the rows of its subjects first, those that nobody else has locked, and then looks
at their age again: every event locks the row of its subject before it commits, so each one is seen, or it waits, finds
no row any more, and makes a new one. It waits for nobody: a whole that others are busy with stays until the next round.

A walk goes by `created_at`, which may be a producer's time: first over what is old by it, then over what is dated in
the future, for that is as old as its events are.

No statement looks at more than some thousand rows, however many stay, and however large a whole is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, and_, exists, false, func, or_, select, true

from flowledger.domain.errors import DatabaseUnavailable
from flowledger.storage.engines.engine import sqlstate
from flowledger.storage.retention.ages import TERMINAL_VALUES, Horizons, Verdicts, look_at
from flowledger.storage.retention.belonging import Key, Member, fitting, is_behind, members, without_owner
from flowledger.storage.retention.holds import HELD, lock_held
from flowledger.storage.retention.large import Inside, Large
from flowledger.storage.retention.subjects import BUSY, ROOTS, SUBJECTS_AT_ONCE, Bite, delete_some, lock, tables_of
from flowledger.storage.transactions import biting
from flowledger.storage.unit_of_work import Storage

__all__ = ["BUSY", "ROOTS", "Horizons", "Inside", "Walked", "let_go", "tables_of"]

_LOOKED_AT_ONCE: Final = 2_000
_ROOTS_AT_ONCE: Final = 100
_DECISIVE: Final = ("created_at", "id", "status", "finished_at", "execution_id", "task_id")


class Walked(NamedTuple):
    """How many rows went, by table; with how many wholes others are busy; where to go on if the walk is not done.

    `place` is the key of the last root that was looked at. `inside` is where the work is on a large one behind it.
    """

    went: Counter[str]
    busy: int
    is_done: bool
    place: Key | None = None
    inside: Inside | None = None


def let_go(
    storage: Storage,
    root: Table,
    horizons: Horizons,
    *,
    after: Key | None = None,
    inside: Inside | None = None,
    went: Counter[str] | None = None,
    go_on: Callable[[], bool] = lambda: True,
) -> Walked:
    """Let wholes go whose root is in this table, one of `ROOTS`, the oldest first, after the place `after`.

    `go_on` is asked after each transaction. What went is added to `went` at once. May be called by many at once. Raises
    DatabaseUnavailable.
    """
    went = Counter() if went is None else went
    busy, place = 0, after
    while True:
        looked_from = place
        with storage.reading() as connection:
            found, last = _look(connection, root, horizons, place)
        while found:
            taken, some = _some(storage, root, horizons, found, inside)
            for bite in some.let_go():
                went.update(bite.went)
                if bite.is_more and not go_on():
                    return Walked(went, busy + some.busy, False, place, some.inside)
            busy += some.busy
            place, inside = taken[-1], None
            found = found[len(taken) :]
            if not go_on():
                return Walked(went, busy, False, place)
        place = _next(last, looked_from, horizons)
        if place is None:
            return Walked(went, busy, True)
        if not go_on():
            return Walked(went, busy, False, place)


def are_old(storage: Storage, root: Table, horizons: Horizons, *, go_on: Callable[[], bool]) -> bool:
    """Return whether a whole may go whose root is in this table. It looks as long as it may `go_on`, the oldest first.

    Without the right to delete that is all that can be done. Raises DatabaseUnavailable.
    """
    place: Key | None = None
    while True:
        with storage.reading() as connection:
            found, last = _look(connection, root, horizons, place)
        while found:
            taken, some = _some(storage, root, horizons, found, None)
            if some.may_go(go_on):
                return True
            found = found[len(taken) :]
            if not go_on():
                return False
        place = _next(last, place, horizons)
        if place is None or not go_on():
            return False


def _look(
    connection: Connection, root: Table, horizons: Horizons, after: Key | None
) -> tuple[Sequence[Key], Key | None]:
    """Look at the next roots. Return those that their own rows let go, and the last of all; None if there are no more.

    The rows are limited before the conditions are, for these may be false of any number of rows.
    """
    key = (root.c.created_at, root.c.id)
    rows = select(*(root.c[name] for name in _DECISIVE if name in root.c)).where(is_behind(key, after))
    if not _is_ahead(after, horizons):
        rows = rows.where(root.c.created_at < horizons.latest)
    rows = rows.order_by(*key).limit(_LOOKED_AT_ONCE)
    some = rows.subquery("some").c
    number = func.row_number().over(order_by=(some.created_at, some.id)).label("number")
    numbered = select(*some, number).subquery("numbered").c
    is_held = exists().where(HELD.c.subject == numbered.id)
    may_go = and_(~is_held, _may_be_old(numbered, horizons), without_owner(root, numbered))
    is_last = numbered.number == _LOOKED_AT_ONCE
    statement = select(numbered.created_at, numbered.id, may_go.label("may_go"), is_last.label("is_last"))
    found = connection.execute(statement.where(or_(may_go, is_last)).order_by(numbered.number)).all()
    last = found[-1] if found and found[-1].is_last else None
    return [(row.created_at, row.id) for row in found if row.may_go], last and (last.created_at, last.id)


def _next(last: Key | None, place: Key | None, horizons: Horizons) -> Key | None:
    """Return the place behind what was looked at: behind what is old comes what is dated in the future."""
    if last is not None or horizons.now is None or _is_ahead(place, horizons):
        return last
    return horizons.now, ""


def _is_ahead(place: Key | None, horizons: Horizons) -> bool:
    """Return whether a place is in the second part of a walk, behind all that is old by its `created_at`."""
    return place is not None and place[0] >= horizons.latest


def _may_be_old(columns: Any, horizons: Horizons) -> ColumnElement[bool]:
    """Return the condition that a root's own status and end let it go; what is kept for ever costs no second look."""
    if "status" not in columns:
        return true()
    finished_at = columns.finished_at
    has_ended = columns.status.in_(TERMINAL_VALUES)
    ends = [] if horizons.now is None else [finished_at > horizons.now]
    old = (
        and_(has_ended, or_(finished_at.is_(None), finished_at < horizons.ended, *ends)) if horizons.ended else false()
    )
    # One that has ended, with a part that has not, goes as an unfinished one.
    return old if horizons.unfinished is None else true()


def _some(
    storage: Storage, root: Table, horizons: Horizons, found: Sequence[Key], inside: Inside | None
) -> tuple[Sequence[Key], _Small | Large]:
    """Return the first roots with what belongs to them: as many as go in one transaction, or a large one."""
    with storage.reading() as connection:
        taken, parts = fitting(connection, root, found[:_ROOTS_AT_ONCE], SUBJECTS_AT_ONCE)
    id_ = taken[0][1]
    is_begun = inside is not None and inside.root == id_
    if is_begun or len(parts) > SUBJECTS_AT_ONCE:
        return taken[:1], Large(storage, root, horizons, id_, inside if is_begun else None)
    return taken, _Small(storage, root, horizons, parts)


class _Small:
    """Some wholes that go in one transaction; `busy` counts those that stay because others are busy with them."""

    inside = None

    def __init__(self, storage: Storage, root: Table, horizons: Horizons, parts: Sequence[Member]) -> None:
        self.busy = 0
        self._storage = storage
        self._root = root
        self._horizons = horizons
        self._parts = parts

    def let_go(self) -> Iterator[Bite]:
        """Let go what may go, in one transaction, or in several if it has many rows."""
        parts = self._parts_that_go()
        is_more = bool(parts)
        while is_more:
            try:
                bite = self._bite(parts)
            except DatabaseUnavailable as error:
                if sqlstate(error) not in BUSY:
                    raise
                self.busy += len({one.root for one in parts})
                return
            yield bite
            is_more = bite.is_more

    def may_go(self, _go_on: Callable[[], bool]) -> bool:
        """Return whether one of them may go."""
        return bool(self._parts_that_go())

    def _parts_that_go(self) -> list[Member]:
        with self._storage.reading() as connection:
            return _that_go(self._parts, look_at(connection, self._parts, self._horizons))

    def _bite(self, parts: Sequence[Member]) -> Bite:
        """Lock, look again at all that belongs to it by now, delete.

        What became part of a whole in the meantime is not locked, so that whole stays.
        """
        with biting(self._storage) as connection:
            lock_held(connection)
            locked = lock(connection, parts)
            now = members(connection, self._root, {one.root for one in parts})
            going = _that_go(now, look_at(connection, now, self._horizons))
            left = {one.root for one in going if one not in locked}
            self.busy += len(left)
            return delete_some(connection, [one for one in going if one.root not in left])


def _that_go(parts: Sequence[Member], found: Verdicts) -> list[Member]:
    """Return the parts of those wholes of which every part lets it go."""
    wholes: dict[str, list[Member]] = {}
    for one in parts:
        wholes.setdefault(one.root, []).append(one)
    return [one for whole in wholes.values() if found.on(whole).goes for one in whole]
