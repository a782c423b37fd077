"""Dead letters that are closed go, with what was done with them; how many there were of each reason stays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, exists, func, select, tuple_

from flowledger.domain.statuses import DeadLetterStatus
from flowledger.domain.times import parse_time, written_time
from flowledger.storage.ledger.dead_letter_actions import TABLE as ACTIONS
from flowledger.storage.ledger.dead_letters import TABLE
from flowledger.storage.retention import departed
from flowledger.storage.retention.gone import Gone
from flowledger.storage.transactions import biting
from flowledger.storage.unit_of_work import Storage

_AT_ONCE: Final = 100
_LOOKED_AT: Final = 1_000
_CLOSED: Final[tuple[DeadLetterStatus, ...]] = (DeadLetterStatus.REPLAYED, DeadLetterStatus.DISCARDED)

Place = tuple[datetime, str]
"""`first_seen` and id."""


def let_go(storage: Storage, before: datetime, *, go_on: Callable[[], bool] = lambda: True, place: Any = None) -> Gone:
    """Delete the dead letters that are replayed or discarded, if the last action on them was before this time.

    `go_on` is asked after each transaction; if it ends this, the result has the `place` where the next call goes on.
    """
    gone = Gone()
    after: Place | None = None
    left = _CLOSED
    if place is not None:
        left = _CLOSED[_CLOSED.index(place[0]) :]
        after = (parse_time(place[1]), place[2])
    for status in left:
        while True:
            with biting(storage) as connection:
                rows, after, is_last = _bite(connection, status, before, after)
            gone = gone._replace(rows=gone.rows + rows)
            if is_last or after is None:
                break
            if not go_on():
                return gone._replace(is_done=False, place=[status.value, written_time(after[0]), after[1]])
        after = None
    return gone


def are_old(storage: Storage, before: datetime) -> bool:
    """Return whether there is one, among the first of each status, that `let_go` would delete."""
    is_later = exists().where(ACTIONS.c.dead_letter_id == TABLE.c.id, ACTIONS.c.at >= before)
    with storage.reading() as connection:
        for status in _CLOSED:
            first = select(TABLE.c.id, (~is_later).label("is_old"))
            first = first.where(TABLE.c.status == status.value, TABLE.c.first_seen < before)
            some = first.order_by(TABLE.c.first_seen, TABLE.c.id).limit(_LOOKED_AT).subquery()
            if connection.execute(select(exists().where(some.c.is_old))).scalar_one():
                return True
    return False


def _bite(
    connection: Connection, status: DeadLetterStatus, before: datetime, after: Place | None
) -> tuple[int, Place | None, bool]:
    """Look at the next ones. Return how many went, the place of the last one, and whether it was the last of all."""
    place = (TABLE.c.first_seen, TABLE.c.id)
    closed = select(*place, TABLE.c.reason).where(TABLE.c.status == status.value, TABLE.c.first_seen < before)
    if after is not None:
        values = (bindparam(None, value, column.type) for value, column in zip(after, place, strict=True))
        closed = closed.where(tuple_(*place) > tuple_(*values))
    closed = closed.order_by(*place).limit(_AT_ONCE).with_for_update(skip_locked=True)
    found = connection.execute(closed).all()
    if not found:
        return 0, after, True
    of_letter = ACTIONS.c.dead_letter_id
    last = select(of_letter, func.max(ACTIONS.c.at)).where(of_letter.in_([row.id for row in found])).group_by(of_letter)
    acted = {row[0]: row[1] for row in connection.execute(last)}
    old = [row for row in found if acted.get(row.id, row.first_seen) < before]
    if old:
        departed.add(connection, TABLE, Counter(row.reason for row in old))
        connection.execute(delete(ACTIONS).where(of_letter.in_([row.id for row in old])))
        connection.execute(delete(TABLE).where(TABLE.c.id.in_([row.id for row in old])))
    return len(old), (found[-1].first_seen, found[-1].id), len(found) < _AT_ONCE
