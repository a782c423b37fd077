"""Reading rows as records, over a connection that the caller owns.

`docs/contract/lookups.md` lists the look-ups, `docs/lookups.md` the index that each of them uses.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Final, Generic, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, Row, Select, Table, bindparam, exists, func, select

from flowledger.domain.errors import InvalidArgument, UnknownFilter
from flowledger.domain.json_text import plain
from flowledger.storage.filters import Filter, between, having
from flowledger.storage.many import MAX_EACH, first_of_each, is_one_of
from flowledger.storage.paging import MAX_LIMIT, Order, Page, check_limit
from flowledger.storage.schema.types import Json
from flowledger.storage.weekly import in_weeks_of, of_names

Record = TypeVar("Record")
KeyOf = TypeVar("KeyOf", bound=Hashable)

_DELETED: Final = "deleted_at"


class Repository(Generic[Record]):
    """Reads rows of one table as records."""

    table: ClassVar[Table]
    record: ClassVar[type[Any]]
    """A dataclass with slots, whose names are those of its fields."""
    listed_by: ClassVar[tuple[str, ...]] = ()
    """The columns by which records are listed and counted."""
    time: ClassVar[str | None] = None
    """The column that `since` and `until` are about."""
    told_by: ClassVar[tuple[str, ...]] = ()
    """Fields by which a person tells one record from another, beside its key, name, status and `listed_by`."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def count(self, *, most: int | None = None, **of: Any) -> int:
        """Return the number of records that have these values. Raises UnknownFilter as `newest` does.

        With `most`, no more than that many are counted: a result of `most` means as many or more.
        """
        return self._count(self._having(of), most)

    def _count(self, statement: Select[Any], most: int | None = None) -> int:
        rows = statement.with_only_columns(*self.table.primary_key, maintain_column_froms=True).limit(most).subquery()
        return self.connection.execute(select(func.count()).select_from(rows)).scalar_one()

    def _select(self) -> Select[Any]:
        return select(*(self.table.c[name] for name in self.record.__slots__))

    def _having(self, of: Mapping[str, Filter]) -> Select[Any]:
        """Return the select of the rows that have these values; None leaves a column out."""
        wanted = having(self.table, self.filters(), of)
        return self._select().where(*wanted, *in_weeks_of(self.connection, self.table, of))

    @classmethod
    def filters(cls) -> tuple[str, ...]:
        """Return the columns by which records are listed: `listed_by`, and the name if they have names."""
        return cls.listed_by

    def _one(self, statement: Select[Any]) -> Record | None:
        row = self.connection.execute(statement).one_or_none()
        return None if row is None else self._record(row)

    def _many(self, keys: Iterable[KeyOf]) -> dict[KeyOf, Record]:
        """Return the records of these keys, in this order, by one query."""
        wanted = {key: _plain_key(key) for key in keys}
        if len(wanted) > MAX_LIMIT:
            raise InvalidArgument(f"{MAX_LIMIT} records at most are read at once, not {len(wanted)}")
        if not wanted:
            return {}
        key = self._key()
        is_one = is_one_of(self.connection, key, [*wanted.values()])
        shown = self._select()
        missing = [column for column in key if column.name not in {one.name for one in shown.selected_columns}]
        rows = self.connection.execute(shown.add_columns(*missing).where(is_one, *self._found_in([*wanted.values()])))
        found = {tuple(row._mapping[column.name] for column in key): self._record(row) for row in rows}
        return {given: found[form] for given, form in wanted.items() if form in found}

    def _key(self) -> tuple[Column[Any], ...]:
        """Return the columns by which records are got."""
        return tuple(self.table.primary_key)

    def _found_in(self, keys: Sequence[Any]) -> Sequence[ColumnElement[bool]]:  # noqa: ARG002
        """Return further conditions that records of these keys meet."""
        return ()

    def _page(self, statement: Select[Any], order: Order, limit: int, offset: int, after: str | None) -> Page[Record]:
        rows = self.connection.execute(order.page(_with(statement, order), limit, offset, after)).all()
        return self._part(rows, order, limit)

    def _of_each(self, column: str, ids: Iterable[str], order: Order, limit_each: int) -> dict[str, Page[Record]]:
        """Return the first page of the rows of each id, in this order, by one query.

        Raises InvalidArgument for more than `MAX_LIMIT` ids, or more than `MAX_EACH` rows of each.
        """
        wanted = {id_: plain(id_) for id_ in ids}
        check_limit(limit_each, MAX_EACH)
        if len(wanted) > MAX_LIMIT:
            raise InvalidArgument(f"the records of {MAX_LIMIT} ids at most are read at once, not of {len(wanted)}")
        rows: dict[str, list[Row[Any]]] = {}
        if wanted:
            owner = self.table.c[column]
            found_in = in_weeks_of(self.connection, self.table, {column: [*wanted.values()]})
            shown = _with(self._select().where(*found_in), order)
            statement = first_of_each(
                self.connection, shown, owner, [*wanted.values()], order=order, limit=limit_each + 1
            )
            for row in self.connection.execute(statement):
                rows.setdefault(row._mapping[column], []).append(row)
        return {id_: self._part(rows.get(form, []), order, limit_each) for id_, form in wanted.items()}

    def _part(self, rows: Any, order: Order, limit: int) -> Page[Record]:
        cursor = order.cursor(rows[limit - 1]) if len(rows) > limit else None
        return Page(tuple(self._record(row) for row in rows[:limit]), cursor)

    def _record(self, row: Row[Any]) -> Record:
        values = row._mapping
        record: Record = self.record(**{name: values[name] for name in self.record.__slots__})
        return record


class SubjectRepository(Repository[Record]):
    """Reads the records of subjects. Lists and counts omit deleted ones unless asked for."""

    has_names: ClassVar[bool] = False
    """Whether the records have names by which they are found."""
    time = "created_at"

    @classmethod
    def filters(cls) -> tuple[str, ...]:
        return (*cls.listed_by, "name") if cls.has_names else cls.listed_by

    def get(self, id_: str) -> Record | None:
        """Return the record of this id, even if it is deleted; None if nothing is recorded of it."""
        return self._one(self._select().where(self.table.c.id == plain(id_)))

    def get_many(self, ids: Iterable[str]) -> dict[str, Record]:
        """Return the records of these ids, at most 1,000, by one query; ids without a record are left out.

        The order is that of `ids`. Deleted records are among them. Raises InvalidArgument for more ids.
        """
        return self._many(ids)

    def newest(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        offset: int = 0,
        after: str | None = None,
        deleted: bool = False,
        **of: Filter,
    ) -> Page[Record]:
        """Return a page of records, newest first: all, or those that have these values (`status=…`, `user_id=…`).

        Several values are those of which a record has one: `status=("failed", "cancelled")`. With `since` and `until`,
        records created from the one to before the other.

        Raises UnknownFilter for a column that is not in `listed_by`, and InvalidArgument for a value that it cannot
        have, a time without a zone, or a limit or an offset that is out of range; BadCursor for `after`.
        """
        return self._page(self._listed(deleted, of, since, until), self._by_age(True), limit, offset, after)

    def oldest(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        offset: int = 0,
        after: str | None = None,
        deleted: bool = False,
        **of: Filter,
    ) -> Page[Record]:
        """Return the same records as `newest`, oldest first. A cursor of one is none of the other's."""
        return self._page(self._listed(deleted, of, since, until), self._by_age(False), limit, offset, after)

    def count(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        deleted: bool = False,
        most: int | None = None,
        **of: Filter,
    ) -> int:
        """Return the number of records that `newest` lists; with `most`, no more than that many are counted."""
        return self._count(self._listed(deleted, of, since, until), most)

    def by_name(self, name: str) -> Record | None:
        """Return the record of this name, or None; of several, the one created first (then the least id).

        Raises UnknownFilter if the records have no names (`has_names`).
        """
        if not self.has_names:
            raise UnknownFilter(self.table.name, "name", self.listed_by)
        return self._first(self._listed(False, {}).where(self.table.c.name == plain(name)))

    def _listed(
        self,
        deleted: bool,
        of: Mapping[str, Filter],
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Select[Any]:
        statement = self._having(of).where(*between(self.table.c.created_at, since, until))
        if _DELETED in self.table.c and not deleted:
            statement = statement.where(self.table.c[_DELETED].is_(None))
        return statement

    def _by_age(self, descending: bool) -> Order:
        return Order((self.table.c.created_at, self.table.c.id), descending)

    def _first(self, statement: Select[Any]) -> Record | None:
        oldest = statement.order_by(self.table.c.created_at, self.table.c.id).limit(1)
        row = self.connection.execute(oldest).one_or_none()
        return None if row is None else self._record(row)


class EventRepository(Repository[Record]):
    """Reads the records of a kind that has a row for each event."""

    time = "time"

    def get(self, source: str, event_id: str) -> Record | None:
        """Return the record of this event; None if it is not recorded."""
        return self.get_many([(source, event_id)]).get((source, event_id))

    def get_many(self, events: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Record]:
        """Return the records of these events (source, id), at most 1,000, by one query, as for subjects."""
        return self._many(events)

    def _key(self) -> tuple[Column[Any], ...]:
        return self.table.c.source, self.table.c.event_id

    def _found_in(self, keys: Sequence[Any]) -> Sequence[ColumnElement[bool]]:
        return (of_names(self.connection, self.table, keys),)

    def newest(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        offset: int = 0,
        after: str | None = None,
        **of: Filter,
    ) -> Page[Record]:
        """Return a page of records from `since` to before `until`, newest first, perhaps those that have these values.

        Filters and errors are those of the `newest` of subjects; the time is the event's.
        """
        return self._page(self._listed(of, since, until), self._by_time(True), limit, offset, after)

    def oldest(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        offset: int = 0,
        after: str | None = None,
        **of: Filter,
    ) -> Page[Record]:
        """Return the same records as `newest`, oldest first."""
        return self._page(self._listed(of, since, until), self._by_time(False), limit, offset, after)

    def count(
        self, *, since: datetime | None = None, until: datetime | None = None, most: int | None = None, **of: Filter
    ) -> int:
        """Return the number of records that `newest` lists; with `most`, no more than that many are counted."""
        return self._count(self._listed(of, since, until), most)

    def _listed(self, of: Mapping[str, Filter], since: datetime | None, until: datetime | None) -> Select[Any]:
        return self._having(of).where(*between(self.table.c.time, since, until))

    def _by_time(self, descending: bool) -> Order:
        return Order((self.table.c.time, self.table.c.source, self.table.c.event_id), descending)


def holds(connection: Connection, column: Column[Any], text: str) -> ColumnElement[bool]:
    """Return the condition that a JSON list of texts has this one.

    PostgreSQL may have an index for it (GIN); SQLite scans the lists.
    """
    text = plain(text)
    if connection.dialect.name == "postgresql":
        return column.op("@>")(bindparam(None, [text], type_=Json))
    items = func.json_each(column).table_valued("value")
    return exists(select(items.c.value).where(items.c.value == text))


def _with(statement: Select[Any], order: Order) -> Select[Any]:
    """Return the select with the columns of the order, of which a cursor is made."""
    shown = {column.name for column in statement.selected_columns}
    return statement.add_columns(*(column for column in order.columns if column.name not in shown))


def _plain_key(key: Any) -> tuple[Any, ...]:
    parts = key if isinstance(key, tuple) else (key,)
    return tuple(plain(part) if isinstance(part, str) else part for part in parts)
