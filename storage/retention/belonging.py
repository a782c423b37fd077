"""What belongs to what: a workspace has what is in it, an execution its tasks and messages, a task its messages.

Each has one owner, so whole things can go without a part of another: a message belongs to the execution that it names,
else to that of its task. Rows that are no subjects' own (log lines, node runs, deliveries) go by their subject.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import CTE, ColumnElement, CompoundSelect, Select, Table, select, union

from flowledger.storage.kinds import KINDS
from flowledger.storage.kinds.messages import TABLE as MESSAGES
from flowledger.storage.kinds.tasks import TABLE as TASKS

IN_WORKSPACES: Final[tuple[Table, ...]] = tuple(
    kind.table for kind in KINDS if kind.repository is not None and "workspace_id" in kind.table.c
)
"""The tables of subjects that may be in a workspace."""


Ids = Select[Any] | CompoundSelect[Any]
"""A select whose first column has ids."""


def with_parts(roots: Ids) -> CTE:
    """Return `roots` as rows `subject`, with the tasks and the messages that belong to them."""
    root = roots.cte("roots")
    ids = root.c[0]
    of_task = MESSAGES.c.execution_id.is_(None)
    return union(
        select(ids.label("subject")),
        select(TASKS.c.id).where(TASKS.c.execution_id == ids),
        select(MESSAGES.c.id).where(MESSAGES.c.execution_id == ids),
        select(MESSAGES.c.id).where(of_task, MESSAGES.c.task_id == ids),
        select(MESSAGES.c.id).join(TASKS, MESSAGES.c.task_id == TASKS.c.id).where(of_task, TASKS.c.execution_id == ids),
    ).cte("parts")


def with_owners(subjects: Ids) -> CTE:
    """Return `subjects` as rows `subject`, with the executions and the tasks that they belong to."""
    part = subjects.cte("subjects")
    ids = part.c[0]
    of_task = MESSAGES.c.execution_id.is_(None)
    found = union(
        select(ids.label("subject")),
        select(TASKS.c.execution_id).where(TASKS.c.id == ids),
        select(MESSAGES.c.execution_id).where(MESSAGES.c.id == ids),
        select(MESSAGES.c.task_id).where(of_task, MESSAGES.c.id == ids),
        select(TASKS.c.execution_id)
        .join(MESSAGES, MESSAGES.c.task_id == TASKS.c.id)
        .where(of_task, MESSAGES.c.id == ids),
    ).subquery("found")
    return select(found.c.subject).where(found.c.subject.is_not(None)).cte("owners")


def in_workspaces(is_wanted: Callable[[Any], ColumnElement[bool]]) -> Select[Any]:
    """Return the ids of what is in workspaces; `is_wanted` makes a condition of a column of workspaces' ids."""
    found = [select(table.c.id.label("subject")).where(is_wanted(table.c.workspace_id)) for table in IN_WORKSPACES]
    return select(union(*found).subquery("inside").c.subject)


def workspaces_of(subjects: CTE) -> CompoundSelect[Any]:
    """Return the ids of the workspaces in which the rows `subject` are."""
    inside = ((table, table.c.id == subjects.c.subject) for table in IN_WORKSPACES)
    return union(
        *(select(table.c.workspace_id).where(is_one, table.c.workspace_id.is_not(None)) for table, is_one in inside)
    )
