"""Where rows that are events stand: in which weeks those of some subjects, or of some names, are (docs/decisions/0058).

A row's `recorded_at` is that of its event, and the journal finds events by subject. So a look-up asks the journal
first, and gives the times to PostgreSQL as constants: then it opens the partitions of these weeks, and no others.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

from sqlalchemy import ColumnElement, Connection, Table, and_, false, func, select

from flowledger.storage.filters import Filter
from flowledger.storage.ledger.journal import TABLE as EVENTS
from flowledger.storage.many import is_one_of, owners_of
from flowledger.storage.schema.partitions import is_partitioned, subjects_of, weeks


def in_weeks_of(connection: Connection, table: Table, of: Mapping[str, Filter]) -> list[ColumnElement[bool]]:
    """Return the conditions of the weeks in which rows with these values can be; none if the values tell no subject."""
    if not is_partitioned(table):
        return []
    given = next((of[name] for name in subjects_of(table) if of.get(name) is not None), None)
    return [] if given is None else of_subjects(connection, table, [given] if isinstance(given, str) else [*given])


def of_subjects(connection: Connection, table: Table, subjects: Sequence[str]) -> list[ColumnElement[bool]]:
    """Return the conditions of the weeks in which events of these subjects were recorded; none on SQLite."""
    if connection.dialect.name != "postgresql":
        return []
    subject = owners_of(connection, subjects)
    of_subject = select(EVENTS.c.recorded_at).where(EVENTS.c.subject == subject.c.value).correlate(subject)
    first, last = (
        of_subject.with_only_columns(one(EVENTS.c.recorded_at)).scalar_subquery() for one in (func.min, func.max)
    )
    since, until = connection.execute(select(func.min(first), func.max(last)).select_from(subject)).one()
    return [false() if since is None else table.c.recorded_at.between(since, until)]


def by_week(connection: Connection, table: Table) -> list[ColumnElement[bool] | None]:
    """Return conditions of which each row of a table meets one; each opens one partition. None is no condition."""
    mondays = [week.monday for week in weeks(connection, table)] if is_partitioned(table) else []
    if not mondays:
        return [None]
    at = table.c.recorded_at
    between = [and_(at >= since, at < until) for since, until in pairwise(mondays)]
    return [at < mondays[0], *between, at >= mondays[-1]]


def of_names(connection: Connection, table: Table, names: Collection[tuple[str, str]]) -> ColumnElement[bool]:
    """Return the condition of the times at which the events of these names were recorded."""
    is_one = is_one_of(connection, (EVENTS.c.source, EVENTS.c.id), [*names])
    rows = connection.execute(select(EVENTS.c.recorded_at).where(is_one))
    return table.c.recorded_at.in_(sorted(set(rows.scalars())))
