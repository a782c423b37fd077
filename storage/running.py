"""What goes on in an execution now: how many parts are in each status, and the ones to look at first.

Each is one query by the index of the execution; what is returned is bounded, however large the execution is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, Table, case, func, or_, select

from flowledger.domain.statuses import RANKS, TERMINAL, Status
from flowledger.storage.kinds.executions import NODE_RUNS
from flowledger.storage.kinds.executions import TABLE as EXECUTIONS
from flowledger.storage.kinds.failures import FAILING
from flowledger.storage.kinds.tasks import TABLE as TASKS
from flowledger.storage.ledger.journal import TABLE as EVENTS
from flowledger.storage.ledger.tail import Wanted

_ACTIVE: Final = tuple(status.value for status in RANKS if status not in TERMINAL and status is not Status.PENDING)


class Belonging(NamedTuple):
    """Rows of a table that belong to an execution by a column; `told` are the columns that name a row to people."""

    name: str
    table: Table
    column: str
    told: tuple[str, ...]


PARTS: Final = (
    Belonging("node runs", NODE_RUNS, "execution_id", ("node", "iteration", "attempt")),
    Belonging("tasks", TASKS, "execution_id", ("id", "name")),
    Belonging("children", EXECUTIONS, "parent_execution_id", ("id",)),
)


def statuses(connection: Connection, of: Belonging, id_: str) -> dict[str, int]:
    """Return how many rows that belong to `id_` are in each status, in the order of the statuses."""
    table = of.table.c
    counted = select(table.status, func.count()).where(table[of.column] == id_).group_by(table.status)
    found = {row[0]: row[1] for row in connection.execute(counted)}
    return {status.value: found[status.value] for status in Status if status.value in found}


def liveliest(connection: Connection, of: Belonging, id_: str, limit: int) -> Sequence[Row[Any]]:
    """Return some rows: those that are active, then those that failed, then those that ended, the last one first.

    A row has what names it, its status, begin and end.
    """
    table = of.table.c
    ended = table.finished_at.is_not(None)
    place = case((table.status.in_(_ACTIVE), 0), (table.status.in_(FAILING), 1), (ended, 2), else_=3)
    latest = func.coalesce(table.finished_at, table.started_at).desc()
    told = (table[name] for name in (*of.told, "status", "started_at", "finished_at"))
    rows = select(*told).where(table[of.column] == id_).order_by(place, latest, *of.table.primary_key)
    return connection.execute(rows.limit(limit)).all()


class OfExecution(Wanted):
    """A choice of events: those of an execution (or of a task) and of the tasks that belong to it."""

    def condition(self) -> Any:
        (id_,) = self.subjects
        tasks = select(TASKS.c.id).where(TASKS.c.execution_id == id_)
        return or_(EVENTS.c.subject == id_, EVENTS.c.subject.in_(tasks))
