"""The writes of an event, as data and as SQL.

A write is one upsert of the parts of a row that the event reports: a part changes only if the event's key wins, so
writes commute, and may be done any number of times (but see `storage.merge.additions`).

A statement is built once for each shape of a write, and prepared once for each connection. Shapes do not depend on the
fields that an event carries: a part always has all of its columns. Measured (`python -m bench --against`): a statement
for each set of fields recorded varied events at a fifth of the rate of uniform ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Table,
    bindparam,
    delete,
    func,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite

from flowledger.storage.merge.additions import Addition
from flowledger.storage.merge.description import MASK, Description
from flowledger.storage.merge.groups import Group, Part
from flowledger.storage.schema.columns import metadata
from flowledger.storage.schema.partitions import is_partitioned
from flowledger.storage.schema.types import Json


class Each(NamedTuple):
    """Items of which each gets a row: those of a JSON array of texts, or the ids of rows of another table.

    `column` takes the items. The write's value is the array, or the value that the rows have in `where`, (table,
    column).
    """

    column: str
    where: tuple[str, str] | None = None


Shape = tuple[str, tuple[str, ...], tuple[Part, ...] | None, Each | None]
"""A write without its values: table, columns set directly, parts (None: the rows with those columns are deleted), and
the items of which each gets a row."""


@dataclass(frozen=True, slots=True)
class Upsert:
    """The statement of a shape, for either database; `binds` names its parameters in order of values."""

    table: Table
    given: tuple[str, ...]
    parts: tuple[Part, ...]
    each: Each | None
    binds: tuple[str, ...]

    def postgresql(self, prefix: str, new: FromClause | None) -> Any:
        """Return the upsert of rows that exist only if the event's journal row is `new` (None: always).

        A row of a table with partitions belongs to one event, at the time at which that was recorded. If that is new,
        there is none to be in conflict with. Measured: to look for one is 58 bytes more of write-ahead log.
        """
        names, values = self._row(prefix)
        rows = select(*values)
        if new is not None:
            rows = rows.select_from(
                new if self.each is None else new.join(self._items(prefix, self.each, postgresql.dialect.name), true())
            )
        insert = postgresql.insert(self.table).from_select(names, rows)
        if new is not None and is_partitioned(self.table):
            return insert
        return self._on_conflict(insert, prefix, "postgresql")

    def sqlite(self, prefix: str) -> Any:
        """Return the upsert by itself. (`WHERE true` keeps SQLite from reading ON CONFLICT as part of a join.)"""
        names, values = self._row(prefix)
        rows = select(*values).where(true())
        if self.each is not None:
            rows = rows.select_from(self._items(prefix, self.each, sqlite.dialect.name))
        return self._on_conflict(sqlite.insert(self.table).from_select(names, rows), prefix, "sqlite")

    def _row(self, prefix: str) -> tuple[list[str], list[ColumnElement[Any]]]:
        row: dict[str, ColumnElement[Any]] = {name: self._bind(prefix, name) for name in self.given}
        if self.each is not None:
            row[self.each.column] = literal_column("item.value")
        for part in self.parts:
            row |= part.inserted(lambda name: self._bind(prefix, name))
        return list(row), list(row.values())

    def _bind(self, prefix: str, name: str) -> ColumnElement[Any]:
        return bindparam(prefix + name, type_=BigInteger() if name == MASK else self.table.c[name].type)

    def _items(self, prefix: str, each: Each, dialect: str) -> FromClause:
        """Return the items of which each gets a row, as rows `item(value)`."""
        if each.where is not None:
            name, column = each.where
            others = metadata.tables[name]
            wanted = bindparam(f"{prefix}{each.column}", type_=others.c[column].type)
            return select(others.c.id.label("value")).where(others.c[column] == wanted).subquery("item")
        texts = bindparam(f"{prefix}{each.column}", type_=Json)
        if dialect == "sqlite":
            return func.json_each(texts).table_valued("value", name="item")
        return func.jsonb_array_elements_text(texts).table_valued("value").render_derived(name="item")

    def _on_conflict(self, insert: Any, prefix: str, dialect: str) -> Any:
        if not self.parts:
            return insert.on_conflict_do_nothing()
        assignments: dict[str, ColumnElement[Any]] = {}
        wins: list[ColumnElement[bool]] = []
        for part in self.parts:
            merged = part.merged(self.table, insert.excluded, lambda name: self._bind(prefix, name), dialect)
            assignments |= merged.assignments
            wins.append(merged.wins)
        key = [column.name for column in self.table.primary_key]
        return insert.on_conflict_do_update(index_elements=key, set_=assignments, where=or_(*wins))


@dataclass(frozen=True, slots=True)
class Deletion:
    """The statement that deletes the rows with the columns `binds`; it does no harm if the event was known."""

    table: Table
    binds: tuple[str, ...]

    def postgresql(self, prefix: str, _new: FromClause | None) -> Any:
        return self._delete(prefix)

    def sqlite(self, prefix: str) -> Any:
        return self._delete(prefix)

    def _delete(self, prefix: str) -> Any:
        columns = [self.table.c[name] for name in self.binds]
        return delete(self.table).where(*(one == bindparam(prefix + one.name, type_=one.type) for one in columns))


@lru_cache(maxsize=1024)
def built(shape: Shape) -> Upsert | Deletion:
    """Return the statement of `shape`; made once for each shape that occurs."""
    table, given, parts, each = shape
    if parts is None:
        return Deletion(metadata.tables[table], given)
    binds = [*given, *([each.column] if each else [])]
    for part in parts:
        binds += part.binds
    return Upsert(metadata.tables[table], given, parts, each, tuple(binds))


class Write:
    """An upsert that is being built: the shape, and its values in the order of `Upsert.binds`.

    Values are in the form that both databases accept: text, numbers, None; times as in `domain.times.sortable`, JSON as
    text.
    """

    __slots__ = ("each", "given", "parts", "table", "values")

    def __init__(self, table: Table, each: tuple[Each, str] | None = None, /, **given: Any) -> None:
        self.table = table.name
        self.given = tuple(given)
        self.values = list(given.values())
        self.parts: list[Part] = []
        self.each: Each | None = None
        if each is not None:
            self.each = each[0]
            self.values.append(each[1])

    def group(self, group: Group, key: Any, /, **values: Any) -> Write:
        """Add a group; its columns that are not among `values` are null if the event wins."""
        self.parts.append(group)
        self.values.append(key)
        self.values += [values.pop(name, None) for name in group.columns]
        assert not values, f"no columns of the group {group.key}: {[*values]}"
        return self

    def describe(self, description: Description, key: str, carried: Mapping[str, Any]) -> Write:
        """Add a description, of which the event carries the fields `carried`; None clears a field."""
        self.parts.append(description)
        self.values += description.values(key, carried)
        return self

    def add(self, addition: Addition, value: float) -> Write:
        """Add a value to the sums of a row."""
        self.parts.append(addition)
        self.values += addition.values(value)
        return self

    @property
    def shape(self) -> Shape:
        return self.table, self.given, tuple(self.parts), self.each


class Removal(NamedTuple):
    """The deletion of the rows of `table` whose columns have these values."""

    table: str
    given: tuple[str, ...]
    values: list[Any]

    @classmethod
    def of(cls, table: Table, **given: Any) -> Removal:
        return cls(table.name, tuple(given), list(given.values()))

    @property
    def shape(self) -> Shape:
        return self.table, self.given, None, None
