"""What an event writes, as data and as SQL.

An event's write is one upsert of the column groups it speaks of: a group changes hands only where the event's key wins,
so writes commute, and may be done any number of times.

A statement is built once for each shape of a write, and prepared once for each connection. Shapes do not depend on the
fields that an event carries: a group always has all of its columns, and a mask says which fields of a description are
carried. Measured (`python -m bench --against`): a statement for each set of fields recorded varied events at a fifth of
the rate of uniform ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    FromClause,
    Table,
    bindparam,
    case,
    delete,
    func,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite

from flowledger.storage import tables
from flowledger.storage.groups import Group


class Each(NamedTuple):
    """What there is to be a row for each of: the items of a JSON array of texts, or all sandboxes of a workspace.

    `column` takes the items. The write's value is the array, or the workspace's id.
    """

    column: str
    of_workspace: bool = False


Shape = tuple[str, tuple[str, ...], tuple[Group, ...] | None, Each | None]
"""What a write looks like, without its values: table, columns set as they are, groups (None: the rows with those
columns are deleted), and what there is to be a row for each of."""


@dataclass(frozen=True, slots=True)
class Upsert:
    """The statement of a shape, to be built for either database; `binds` names its parameters in order of values."""

    table: Table
    given: tuple[str, ...]
    groups: tuple[Group, ...]
    each: Each | None
    binds: tuple[str, ...]

    def postgresql(self, prefix: str, new: FromClause | None) -> Any:
        """The upsert of rows that are there only where the event's journal row is `new` (None: always)."""
        names, values = self._row(prefix)
        rows = select(*values)
        if new is not None:
            rows = rows.select_from(
                new if self.each is None else new.join(self._items(prefix, self.each, postgresql.dialect.name), true())
            )
        return self._on_conflict(postgresql.insert(self.table).from_select(names, rows))

    def sqlite(self, prefix: str) -> Any:
        """The upsert by itself. (`WHERE true` keeps SQLite from reading ON CONFLICT as part of a join.)"""
        names, values = self._row(prefix)
        rows = select(*values).where(true())
        if self.each is not None:
            rows = rows.select_from(self._items(prefix, self.each, sqlite.dialect.name))
        return self._on_conflict(sqlite.insert(self.table).from_select(names, rows))

    def _row(self, prefix: str) -> tuple[list[str], list[ColumnElement[Any]]]:
        row: dict[str, ColumnElement[Any]] = {}
        for name in self.given:
            row[name] = self._bind(prefix, name, name)
        if self.each is not None:
            row[self.each.column] = literal_column("item.value")
        for group in self.groups:
            row[group.key] = self._key(prefix, group)
            for name in group.columns:
                row[name] = self._bind(prefix, name, name)
        return list(row), list(row.values())

    def _key(self, prefix: str, group: Group) -> ColumnElement[Any]:
        """The event's key; that of nobody if the event does not carry the group."""
        key = self._bind(prefix, group.bind, group.key)
        if group.place is None:
            return key
        mask = bindparam(prefix + group.mask_bind, type_=BigInteger())
        carried = mask.op("&")(literal_column(str(2**group.place))) != literal_column("0")
        return case((carried, key), else_=literal_column("''", key.type))

    def _bind(self, prefix: str, name: str, column: str) -> ColumnElement[Any]:
        return bindparam(prefix + name, type_=self.table.c[column].type)

    def _items(self, prefix: str, each: Each, dialect: str) -> FromClause:
        """What there is to be a row for each of, as rows `item(value)`."""
        if each.of_workspace:
            sandboxes = tables.sandboxes
            workspace = bindparam(f"{prefix}{each.column}", type_=sandboxes.c.workspace_id.type)
            return select(sandboxes.c.id.label("value")).where(sandboxes.c.workspace_id == workspace).subquery("item")
        texts = bindparam(f"{prefix}{each.column}", type_=tables.Json)
        if dialect == "sqlite":
            return func.json_each(texts).table_valued("value", name="item")
        return func.jsonb_array_elements_text(texts).table_valued("value").render_derived(name="item")

    def _on_conflict(self, insert: Any) -> Any:
        if not self.groups:
            return insert.on_conflict_do_nothing()
        assignments: dict[str, ColumnElement[Any]] = {}
        wins: list[ColumnElement[bool]] = []
        for group in self.groups:
            win = _wins(self.table.c[group.key], insert.excluded[group.key], least=group.least)
            wins.append(win)
            for name in (group.key, *group.columns):
                assignments[name] = case((win, insert.excluded[name]), else_=self.table.c[name])
        key = [column.name for column in self.table.primary_key]
        return insert.on_conflict_do_update(index_elements=key, set_=assignments, where=or_(*wins))


def _wins(kept: Column[Any], offered: ColumnElement[Any], *, least: bool) -> ColumnElement[bool]:
    wins = offered < kept if least else offered > kept
    return or_(kept.is_(None), wins) if kept.nullable else wins


@dataclass(frozen=True, slots=True)
class Deletion:
    """The statement that deletes the rows with the columns `binds`; it does no harm where the event was known."""

    table: Table
    binds: tuple[str, ...]

    def postgresql(self, prefix: str, _new: FromClause | None) -> Any:
        return self._delete(prefix)

    def sqlite(self, prefix: str) -> Any:
        return self._delete(prefix)

    def _delete(self, prefix: str) -> Any:
        columns = [self.table.c[name] for name in self.binds]
        return delete(self.table).where(*(one == bindparam(prefix + one.name, type_=one.type) for one in columns))


@lru_cache(maxsize=4096)
def built(shape: Shape) -> Upsert | Deletion:
    """The statement of `shape`; made once for each shape that occurs."""
    table, given, groups, each = shape
    if groups is None:
        return Deletion(tables.metadata.tables[table], given)
    binds = [*given, *([each.column] if each else [])]
    for group in groups:
        if group.bind not in binds:
            binds += [group.bind] if group.place is None else [group.bind, group.mask_bind]
        binds += group.columns
    return Upsert(tables.metadata.tables[table], given, groups, each, tuple(binds))


class Write:
    """One upsert in the making: the shape, and its values in the order of `Upsert.binds`.

    Values are in the form in which both databases take them: text, numbers, None; times as `domain.times.sortable`
    gives them, JSON as text.
    """

    __slots__ = ("_binds", "each", "given", "groups", "table", "values")

    def __init__(self, table: Table, each: tuple[Each, str] | None = None, /, **given: Any) -> None:
        self.table = table.name
        self.given = tuple(given)
        self.values = list(given.values())
        self.groups: list[Group] = []
        self.each: Each | None = None
        self._binds: list[str] = []
        if each is not None:
            self.each = each[0]
            self.values.append(each[1])

    def group(self, group: Group, key: Any, /, **values: Any) -> Write:
        """Add a group; its columns that are not among `values` are null if the event wins."""
        self.groups.append(group)
        if group.bind not in self._binds:
            self._binds.append(group.bind)
            self.values.append(key)
        self.values += [values.pop(name, None) for name in group.columns]
        assert not values, f"no columns of the group {group.key}: {[*values]}"
        return self

    def fields(self, groups: Mapping[str, Group], key: str, values: Mapping[str, Any]) -> Write:
        """Add groups of one column each, of which the event carries those in `values`."""
        self.groups += groups.values()
        mask = sum([2**place for place, name in enumerate(groups) if name in values])
        self.values += [key, mask, *map(values.get, groups)]
        return self

    @property
    def shape(self) -> Shape:
        return self.table, self.given, tuple(self.groups), self.each


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
