"""Marks: which rows were added to a table since an earlier snapshot, each once, none missed, in any order of commits.

Neither a time nor a counter shows this: workers' clocks differ, and a row written first may be committed last. On
PostgreSQL a mark is a snapshot. New are the rows that the current snapshot sees and the marked one did not; the index
of `recorded_in` finds the transactions in question. A restored dump brings numbers of another server's transactions:
rows whose own `xmin` differs are not new. On SQLite, where one transaction writes at a time, rows are numbered in the
order of their commits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    TextClause,
    func,
    literal_column,
    select,
    text,
    true,
)

from flowledger.storage.transactions import snapshot
from flowledger.storage.unit_of_work import Storage

Mark = str | int
"""What `mark_of` returned: the text of a snapshot on PostgreSQL, the number of a row on SQLite."""


def mark_of(connection: Connection, table: Table) -> Mark:
    """Return the mark of what this connection's snapshot sees of the table."""
    if connection.dialect.name == "postgresql":
        asked: Select[Any] = select(literal_column("pg_current_snapshot()::text"))
    else:
        asked = select(func.coalesce(func.max(_row_number(table)), 0)).select_from(table)
    mark: Mark = connection.execute(asked).scalar_one()
    return mark


def is_new(table: Table, mark: Mark, dialect: str) -> ColumnElement[bool] | TextClause:
    """Return the condition that a row was added after the mark."""
    if dialect != "postgresql":
        return _row_number(table) > mark
    name = table.name
    return text(
        f"{name}.recorded_in >= (pg_snapshot_xmin((:mark)::pg_snapshot)::text)::bigint"
        f" AND NOT pg_visible_in_snapshot(({name}.recorded_in::text)::xid8, (:mark)::pg_snapshot)"
        f" AND {name}.recorded_in & 4294967295 = ({name}.xmin::text)::bigint"
    ).bindparams(mark=mark)


def in_order(table: Table, dialect: str) -> tuple[ColumnElement[Any], ...]:
    """Return the order in which rows of the table were committed, as far as the database knows it."""
    if dialect == "postgresql":
        return table.c.recorded_in, table.c.recorded_at
    return (_row_number(table),)


def went_back(mark: Mark, later: Mark) -> bool:
    """Return whether the database was restored to an earlier state between two marks: then rows are missing."""
    return _height(later) < _height(mark)


class Growth:
    """The rows that were added to a table since the last look; the first look returns all.

    A look at all returns the rows of `departed` as well: what is kept of rows that went.
    """

    def __init__(
        self, storage: Storage, table: Table, *asked: Select[Any], departed: Select[Any] | None = None
    ) -> None:
        self._storage = storage
        self._table = table
        self._asked = asked
        self._departed = [] if departed is None else [departed]
        self._mark: Mark | None = None

    def look(self, is_behind: Callable[[Connection], bool] = lambda _: False) -> tuple[bool, list[Sequence[Any]]]:
        """Return the rows of each select, all in one snapshot, and whether they are all and not only the new ones.

        They are all as well if the last look `is_behind`: rows may have come and gone since. Raises
        DatabaseUnavailable; then the next look returns the same rows.
        """
        with snapshot(self._storage) as connection:
            mark = mark_of(connection, self._table)
            is_all = self._mark is None or went_back(self._mark, mark) or is_behind(connection)
            found = [connection.execute(one).all() for one in self._statements(connection.dialect.name, is_all)]
        self._mark = mark
        return is_all, found

    def _statements(self, dialect: str, is_all: bool) -> list[Select[Any]]:
        if is_all or self._mark is None:
            return [*self._asked, *self._departed]
        return [one.where(is_new(self._table, self._mark, dialect)) for one in self._asked]


def _row_number(table: Table) -> ColumnElement[int]:
    return literal_column(f"{table.name}.rowid")


def _height(mark: Mark) -> int:
    """Return a number that grows with every transaction: the first that a snapshot may not see, or the last row."""
    return mark if isinstance(mark, int) else int(mark.split(":")[1])


def is_not_last(table: Table, dialect: str) -> ColumnElement[bool] | TextClause:
    """Return the condition that a row may be deleted: SQLite would give the number of the last one to a new row."""
    if dialect == "postgresql":
        return true()
    return _row_number(table) < select(func.max(_row_number(table))).select_from(table).scalar_subquery()
