"""What belongs to what: a workspace has what is in it, an execution its tasks and messages, a task its messages.

Each has one owner, so whole things can go without a part of another: a message belongs to the execution that it names,
else to that of its task. Rows that are no subjects' own (log lines, node runs, deliveries) go by their subject.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    CTE,
    ColumnElement,
    CompoundSelect,
    Connection,
    FromClause,
    Select,
    Table,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
    union,
    union_all,
)

from flowledger.storage.kinds import KINDS
from flowledger.storage.kinds.audit import TABLE as AUDIT
from flowledger.storage.kinds.executions import TABLE as EXECUTIONS
from flowledger.storage.kinds.messages import TABLE as MESSAGES
from flowledger.storage.kinds.metrics import TABLE as POINTS
from flowledger.storage.kinds.tasks import TABLE as TASKS
from flowledger.storage.schema.types import Name

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


def whole_of(id_: str, *others: Ids) -> CTE:
    """Return an id as a row `subject`, with all that belongs to it: parts, and, of a workspace, what is in it.

    `others` are further ids, with their parts.
    """
    inside = in_workspaces(lambda workspace: workspace == id_)
    return with_parts(union(select(literal(id_, Name).label("subject")), inside, *others))


def parts_of(owners: FromClause, column: ColumnElement[str]) -> list[Select[Any]]:
    """Return selects of the tasks and messages that belong to `owners`, by ids in `column`, at first hand."""
    of_task = MESSAGES.c.execution_id.is_(None) & (MESSAGES.c.task_id == column)
    return [
        select(TASKS.c.id.label("subject")).select_from(owners.join(TASKS, TASKS.c.execution_id == column)),
        select(MESSAGES.c.id.label("subject")).select_from(owners.join(MESSAGES, MESSAGES.c.execution_id == column)),
        select(MESSAGES.c.id.label("subject")).select_from(owners.join(MESSAGES, of_task)),
    ]


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


class Attached(NamedTuple):
    """Rows of a subject that go with what they name, or lose their content with it: `what` they are, in words."""

    what: str
    subject: ColumnElement[str]
    named: ColumnElement[str]


ATTACHED: Final = (
    Attached("a point", POINTS.c.subject, func.coalesce(POINTS.c.execution_id, POINTS.c.task_id)),
    Attached("an audit line", AUDIT.c.resource_id, AUDIT.c.user_id),
)


Key = tuple[datetime, str]
"""`created_at` and id of an execution, a task or a message: it is walked in this order, by an index."""


class Leg(NamedTuple):
    """Rows that belong to something: their table, its column of the owner's id, and what else has to be so."""

    table: Table
    owner: ColumnElement[str]
    condition: ColumnElement[bool]


class Member(NamedTuple):
    """A subject, the table that has its row, and the root of the whole that it belongs to: itself, or another."""

    root: str
    table: str
    id: str


def members(connection: Connection, root: Table, ids: Collection[str], limit: int | None = None) -> list[Member]:
    """Return the executions, tasks or messages of these ids, and what belongs to them; at most `limit` of all."""
    of_task = MESSAGES.c.execution_id.is_(None)
    found = [_members(root, root.c.id, ids)]
    if root is EXECUTIONS:
        found.append(_members(TASKS, TASKS.c.execution_id, ids))
        found.append(_members(MESSAGES, MESSAGES.c.execution_id, ids))
        of_its_task = _members(MESSAGES, TASKS.c.execution_id, ids).join(TASKS, MESSAGES.c.task_id == TASKS.c.id)
        found.append(of_its_task.where(of_task))
    if root is TASKS:
        found.append(_members(MESSAGES, MESSAGES.c.task_id, ids).where(of_task))
    return [Member._make(row) for row in connection.execute(union_all(*found).limit(limit))]


def fitting(connection: Connection, root: Table, keys: Sequence[Key], limit: int) -> tuple[Sequence[Key], list[Member]]:
    """Return the first of these roots that have at most `limit` members, and those; of one that has more, one more."""
    while True:
        parts = members(connection, root, [id_ for _, id_ in keys], limit + 1)
        if len(parts) <= limit or len(keys) == 1:
            return keys, parts
        keys = keys[: len(keys) // 2]


def legs(root: Table) -> Sequence[Leg]:
    """Return where the parts of a whole are, one after the other: tasks, with their messages, and messages."""
    of_task = MESSAGES.c.execution_id.is_(None)
    if root is EXECUTIONS:
        return Leg(TASKS, TASKS.c.execution_id, true()), Leg(MESSAGES, MESSAGES.c.execution_id, true())
    return (Leg(MESSAGES, MESSAGES.c.task_id, of_task),) if root is TASKS else ()


def parts_in(
    connection: Connection, leg: Leg, root: str, after: Key | None, limit: int
) -> tuple[Key | None, list[Member]]:
    """Return the next parts of a whole in a leg, and the key of the last one; None if there are no more.

    They are at most `limit`, after as many messages of theirs; all messages, if a single task has more.
    """
    key = (leg.table.c.created_at, leg.table.c.id)
    rows = select(*key).where(leg.owner == root, leg.condition, is_behind(key, after)).order_by(*key).limit(limit)
    keys = [(row.created_at, row.id) for row in connection.execute(rows)]
    while len(below := _below(connection, leg.table, keys, limit + 1)) > limit and len(keys) > 1:
        keys = keys[: len(keys) // 2]
    if len(below) > limit:
        below = _below(connection, leg.table, keys, None)
    parts = [*below, *((leg.table.name, id_) for _, id_ in keys)]
    return keys[-1] if keys else None, [Member(root, table, id_) for table, id_ in parts]


def _below(connection: Connection, table: Table, keys: Sequence[Key], limit: int | None) -> list[tuple[str, str]]:
    """Return the tables and ids of what belongs to these rows themselves; at most `limit`."""
    found = []
    for leg in legs(table) if keys else ():
        owned = select(leg.table.c.id).where(leg.owner.in_([id_ for _, id_ in keys]), leg.condition).limit(limit)
        found += [(leg.table.name, id_) for id_ in connection.execute(owned).scalars()]
    return found


def is_behind(key: Sequence[ColumnElement[Any]], after: Key | None) -> ColumnElement[bool]:
    """Return the condition that a row comes after another one, in the order of this key."""
    if after is None:
        return true()
    return tuple_(*key) > tuple_(*(bindparam(None, value, one.type) for value, one in zip(after, key, strict=True)))


def without_owner(root: Table, columns: Any) -> ColumnElement[bool]:
    """Return the condition that a row of this table, with these columns, belongs to nothing that has a row."""
    if root is EXECUTIONS:
        return true()
    of_none = or_(columns.execution_id.is_(None), ~exists().where(EXECUTIONS.c.id == columns.execution_id))
    if root is TASKS:
        return of_none
    of_no_task = or_(columns.task_id.is_(None), ~exists().where(TASKS.c.id == columns.task_id))
    return of_none & or_(columns.execution_id.is_not(None), of_no_task)


def _members(table: Table, owner: ColumnElement[str], ids: Collection[str]) -> Select[Any]:
    return select(owner, literal(table.name), table.c.id).select_from(table).where(owner.in_(ids))
