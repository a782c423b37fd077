"""Reading rows as records, over a connection that the caller owns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, ClassVar, Final, Generic, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, Row, Select, Table, bindparam, exists, func, select

from flowledger.domain.keys import earliest_has_time, has_time
from flowledger.storage.paging import Order, Page
from flowledger.storage.schema.types import Json

Record = TypeVar("Record")

_TOOK: Final = "took_seconds"
_DELETED: Final = "deleted_at"


class Repository(Generic[Record]):
    """Reads rows of one table as records."""

    table: ClassVar[Table]
    record: ClassVar[type[Any]]
    listed_by: ClassVar[tuple[str, ...]] = ()
    """The columns by which records are listed; each has an index, except the status of executions and tasks."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def count(self, **values: Any) -> int:
        """Return the number of rows that have these values in these columns."""
        having = [self.table.c[name] == value for name, value in values.items()]
        return self.connection.execute(select(func.count()).select_from(self.table).where(*having)).scalar_one()

    def _select(self) -> Select[Any]:
        return select(*(self.table.c[field.name] for field in fields(self.record)))

    def _having(self, of: Mapping[str, str | None]) -> Select[Any]:
        """Return the select of the rows that have these values; None leaves a column out."""
        unknown = of.keys() - set(self.listed_by)
        if unknown:
            raise TypeError(f"{type(self).__name__} lists by {', '.join(self.listed_by)}, not by {', '.join(unknown)}")
        values = {name: value for name, value in of.items() if value is not None}
        return self._select().where(*(self.table.c[name] == value for name, value in values.items()))

    def _one(self, statement: Select[Any]) -> Record | None:
        row = self.connection.execute(statement).one_or_none()
        return None if row is None else self._record(row)

    def _page(self, statement: Select[Any], order: Order, limit: int, offset: int, after: str | None) -> Page[Record]:
        shown = {column.name for column in statement.selected_columns}
        statement = statement.add_columns(*(column for column in order.columns if column.name not in shown))
        rows = self.connection.execute(order.page(statement, limit, offset, after)).all()
        cursor = order.cursor(rows[limit - 1]) if len(rows) > limit else None
        return Page(tuple(self._record(row) for row in rows[:limit]), cursor)

    def _record(self, row: Row[Any]) -> Record:
        record: Record = self.record(**{field.name: row._mapping[field.name] for field in fields(self.record)})
        return record


class SubjectRepository(Repository[Record]):
    """Reads the records of subjects. Lists and counts omit deleted ones unless asked for."""

    def get(self, id_: str) -> Record | None:
        """Return the record of this id, even if it is deleted; None if nothing is recorded of it."""
        return self._one(self._select().where(self.table.c.id == id_))

    def newest(
        self,
        *,
        limit: int = 50,
        offset: int = 0,
        after: str | None = None,
        deleted: bool = False,
        **of: str | None,
    ) -> Page[Record]:
        """Return a page of records, newest first: all, or those that have these values (`status=…`, `user_id=…`).

        Raises TypeError for a column that is not in `listed_by`.
        """
        order = Order((self.table.c.created_at, self.table.c.id), descending=True)
        return self._page(self._listed(deleted, of), order, limit, offset, after)

    def count(self, *, deleted: bool = False, **of: str | None) -> int:
        """Return the number of records that `newest` lists."""
        rows = self._listed(deleted, of).with_only_columns(self.table.c.id).subquery()
        return self.connection.execute(select(func.count()).select_from(rows)).scalar_one()

    def by_name(self, name: str) -> Record | None:
        """Return the record of this name, or None; of several, the one created first (then the least id)."""
        return self._first(self._listed(False, {}).where(self.table.c.name == name))

    def _listed(self, deleted: bool, of: dict[str, str | None]) -> Select[Any]:
        statement = self._having(of)
        if _DELETED in self.table.c and not deleted:
            statement = statement.where(self.table.c[_DELETED].is_(None))
        return statement

    def _first(self, statement: Select[Any]) -> Record | None:
        oldest = statement.order_by(self.table.c.created_at, self.table.c.id).limit(1)
        row = self.connection.execute(oldest).one_or_none()
        return None if row is None else self._record(row)


class EventRepository(Repository[Record]):
    """Reads the records of a kind that has a row for each event."""

    def get(self, source: str, event_id: str) -> Record | None:
        """Return the record of this event; None if it is not recorded."""
        return self._one(self._select().where(self.table.c.source == source, self.table.c.event_id == event_id))

    def newest(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        offset: int = 0,
        after: str | None = None,
        **of: str | None,
    ) -> Page[Record]:
        """Return a page of records from `since` to before `until`, newest first, perhaps those that have these values.

        Raises TypeError for a column that is not in `listed_by`.
        """
        columns = self.table.c
        order = Order((columns.time, columns.source, columns.event_id), descending=True)
        return self._page(self._having(of).where(*between(columns.time, since, until)), order, limit, offset, after)


class Timed(Repository[Record]):
    """Reads rows that have a start and an end: their records have the time between, `took_seconds`."""

    def _select(self) -> Select[Any]:
        shown = (self.table.c[field.name] for field in fields(self.record) if field.name != _TOOK)
        return select(*shown, self.table.c.started_at_key, self.table.c.status_key)

    def _record(self, row: Row[Any]) -> Record:
        values = dict(row._mapping)
        record: Record = self.record(
            **{field.name: values[field.name] for field in fields(self.record) if field.name != _TOOK},
            took_seconds=_took_seconds(values),
        )
        return record


def between(column: Column[datetime], since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    """Return the conditions of a time from `since` to before `until`; None is no bound."""
    begins = [] if since is None else [column >= since]
    return begins if until is None else [*begins, column < until]


def holds(connection: Connection, column: Column[Any], text: str) -> ColumnElement[bool]:
    """Return the condition that a JSON list of texts has this one.

    PostgreSQL may have an index for it (GIN); SQLite scans the lists.
    """
    if connection.dialect.name == "postgresql":
        return column.op("@>")(bindparam(None, [text], type_=Json))
    items = func.json_each(column).table_valued("value")
    return exists(select(items.c.value).where(items.c.value == text))


def _took_seconds(row: dict[str, Any]) -> float | None:
    began, ended = row["started_at"], row["finished_at"]
    if began is None or ended is None or ended < began:
        return None
    has_times = earliest_has_time(row["started_at_key"]) and has_time(row["status_key"])
    took: float = (ended - began).total_seconds()
    return took if has_times else None
