"""What belongs to what: a workspace has what is in it, an execution its tasks and messages, a task its messages.

Each has one owner, so whole things can go without a part of another: a message belongs to the execution that it names,
else to that of its task. Rows that are no subjects' own (log lines, node runs, deliveries) go by their subject.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import CTE, ColumnElement, CompoundSelect, FromClause, Select, Table, literal, select, union

from flowledger.storage.kinds import KINDS
from flowledger.storage.kinds.messages import TABLE as MESSAGES
from flowledger.storage.kinds.tasks import TABLE as TASKS
from flowledger.storage.schema.types import Name

IN_WORKSPACES: Final[tuple[Table, ...]] = tuple(
    kind.table for kind in KINDS if kind.repository is not None and "workspace_id" in kind.table.c
)
"""The tables of subjects that may be in a workspace."""


def with_parts(roots: Select[Any] | CompoundSelect[Any]) -> CTE:
    """Return `roots`, a select of ids, as rows `subject`, with the tasks and the messages that belong to them."""
    root = roots.subquery("root")
    ids = root.c[0]
    tasks = select(TASKS.c.id).where(TASKS.c.execution_id == ids)
    of_task = MESSAGES.c.execution_id.is_(None)
    return union(
        select(ids.label("subject")),
        tasks,
        select(MESSAGES.c.id).where(MESSAGES.c.execution_id == ids),
        select(MESSAGES.c.id).where(of_task, MESSAGES.c.task_id == ids),
        select(MESSAGES.c.id).join(TASKS, MESSAGES.c.task_id == TASKS.c.id).where(of_task, TASKS.c.execution_id == ids),
    ).cte("parts")


def whole_of(id_: str) -> CTE:
    """Return an id as a row `subject`, with all that belongs to it: parts, and, of a workspace, what is in it."""
    inside = in_workspaces(lambda workspace: workspace == id_)
    return with_parts(union(select(literal(id_, Name).label("subject")), inside))


def parts_of(owners: FromClause, column: ColumnElement[str]) -> list[Select[Any]]:
    """Return selects of the tasks and messages that belong to `owners`, by ids in `column`, at first hand."""
    of_task = MESSAGES.c.execution_id.is_(None) & (MESSAGES.c.task_id == column)
    return [
        select(TASKS.c.id.label("subject")).select_from(owners.join(TASKS, TASKS.c.execution_id == column)),
        select(MESSAGES.c.id.label("subject")).select_from(owners.join(MESSAGES, MESSAGES.c.execution_id == column)),
        select(MESSAGES.c.id.label("subject")).select_from(owners.join(MESSAGES, of_task)),
    ]


def in_workspaces(is_wanted: Callable[[Any], ColumnElement[bool]]) -> Select[Any]:
    """Return the ids of what is in workspaces; `is_wanted` makes a condition of a column of workspaces' ids."""
    found = [select(table.c.id.label("subject")).where(is_wanted(table.c.workspace_id)) for table in IN_WORKSPACES]
    return select(union(*found).subquery("inside").c.subject)
