"""The rows of executions, tasks and messages that go as wholes: locked, and deleted some at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Final, NamedTuple

from sqlalchemy import Connection, Table, delete, select, tuple_

from flowledger.storage.kinds import executions, messages, tasks
from flowledger.storage.ledger.outbox import TABLE as OUTBOX
from flowledger.storage.retention.belonging import Member

ROOTS: Final = (executions.TABLE, tasks.TABLE, messages.TABLE)
"""What goes by itself, in this order; what belongs to another goes with that."""

_OWN: Final[Mapping[str, tuple[tuple[Table, str], ...]]] = {
    "executions": ((executions.FAILURES.table, "execution_id"), (executions.NODE_RUNS, "execution_id")),
    "tasks": ((tasks.FAILURES.table, "task_id"),),
    "messages": ((messages.DELIVERIES, "message_id"), (OUTBOX, "message_id")),
}
"""The tables whose rows belong to a subject, and go with it. (Log lines go by weeks.)"""

SUBJECTS_AT_ONCE: Final = 250
_ROWS_AT_ONCE: Final = 1_000
"""Rows of one transaction: it takes some 10 ms (docs/decisions/0059). What is larger goes in several."""
BUSY: Final = ("55P03", "40P01")
"""SQLSTATE: a lock was not to be had in time; a deadlock."""


class Bite(NamedTuple):
    """What one transaction did: how many rows went, by table; `is_more` if it did not get to the end."""

    went: Counter[str]
    is_more: bool = False


def tables_of(root: Table) -> tuple[Table, ...]:
    """Return the tables from which wholes with this root are deleted."""
    parts = ROOTS[ROOTS.index(root) :]
    return (*(own for part in parts for own, _ in _OWN[part.name]), *parts)


def lock(connection: Connection, subjects: Collection[Member]) -> set[Member]:
    """Lock the rows of these subjects. Return those that nobody else has locked."""
    if connection.dialect.name == "sqlite":
        return set(subjects)  # nobody else writes until the end
    free: set[tuple[str, str]] = set()
    for table, ids in by_table(subjects):
        rows = select(table.c.id).where(table.c.id.in_(ids)).order_by(table.c.id).with_for_update(skip_locked=True)
        free |= {(table.name, id_) for id_ in connection.execute(rows).scalars()}
    return {one for one in subjects if (one.table, one.id) in free}


def delete_some(connection: Connection, going: Collection[Member]) -> Bite:
    """Delete these subjects with their own rows; if those are many, some of them first, and nothing else."""
    went: Counter[str] = Counter()
    for table, ids in by_table(going):
        for own, column in _OWN[table.name]:
            left = _ROWS_AT_ONCE - went.total()
            rows = select(*own.primary_key).where(own.c[column].in_(ids)).limit(left)
            went[own.name] += connection.execute(delete(own).where(tuple_(*own.primary_key).in_(rows))).rowcount
            if went.total() >= _ROWS_AT_ONCE:
                return Bite(+went, is_more=True)
    for table, ids in by_table(going):
        went[table.name] += connection.execute(delete(table).where(table.c.id.in_(ids))).rowcount
    return Bite(+went)


def by_table(subjects: Collection[Member]) -> Iterator[tuple[Table, list[str]]]:
    """Yield the tables of these subjects, parts before what they belong to, with the ids in order."""
    for table in reversed(ROOTS):
        if ids := sorted({one.id for one in subjects if one.table == table.name}):
            yield table, ids
