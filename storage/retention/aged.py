"""How much of some subjects is gone, or old enough to go, by the horizons that stand. Counts end at `MOST`."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import CTE, ColumnElement, Connection, Select, exists, func, literal, or_, select

from flowledger.storage.kinds.executions import TABLE as EXECUTIONS
from flowledger.storage.kinds.messages import TABLE as MESSAGES
from flowledger.storage.kinds.tasks import TABLE as TASKS
from flowledger.storage.ledger.event_texts import TABLE as TEXTS
from flowledger.storage.ledger.journal import TABLE as EVENTS
from flowledger.storage.retention import horizons

MOST: Final = 10_000
"""A count of this many means as many or more."""


def gone_texts(connection: Connection, subjects: CTE) -> int:
    """Return how many events of these rows `subject` have lost their texts."""
    return _old_texts(connection, subjects, ~_HAS_TEXT)


def due_texts(connection: Connection, subjects: CTE) -> int:
    """Return how many texts of theirs are before the horizon, and still there."""
    return _old_texts(connection, subjects, _HAS_TEXT)


def due_rows(connection: Connection, subjects: CTE) -> int:
    """Return how many executions, tasks and messages among them have no event after the horizon of rows.

    Fewer may go: each goes as a whole, when all that belongs to it is old enough.
    """
    stand = horizons.read(connection)
    horizon = max((stand[what] for what in ("rows", "unfinished") if what in stand), default=None)
    if horizon is None:
        return 0
    is_one = or_(*(exists().where(table.c.id == subjects.c.subject) for table in (EXECUTIONS, TASKS, MESSAGES)))
    is_later = (EVENTS.c.subject == subjects.c.subject) & (EVENTS.c.recorded_at >= horizon)
    return _counted(connection, select(literal(1)).select_from(subjects).where(is_one, ~exists().where(is_later)))


_HAS_TEXT: Final = exists().where(TEXTS.c.recorded_at == EVENTS.c.recorded_at, TEXTS.c.meaning == EVENTS.c.meaning)


def _old_texts(connection: Connection, subjects: CTE, condition: ColumnElement[bool]) -> int:
    horizon = horizons.read(connection).get("texts")
    if horizon is None:
        return 0
    events = select(literal(1)).select_from(subjects).join(EVENTS, EVENTS.c.subject == subjects.c.subject)
    return _counted(connection, events.where(EVENTS.c.recorded_at < horizon, condition))


def _counted(connection: Connection, rows: Select[Any]) -> int:
    return connection.execute(select(func.count()).select_from(rows.limit(MOST).subquery())).scalar_one()
