"""Column groups: the merge rule of CONTRACT §3 as data, and as SQL that applies it.

Within a row each group belongs, as a whole, to the event with the greatest key (or, for the earliest of times, the
least). The row keeps that key beside the group. An event's write is one upsert of the groups it speaks of: a group
changes hands only where the event's key wins, so writes commute, and may be done any number of times.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    FromClause,
    Table,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite

from storage import tables
from storage.tables import DESCRIBED


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Columns that have one owner; `key` is the column that holds the owner's key.

    `least` marks a group that belongs to the least key. `bind` names the parameter of the key: groups that one event
    always writes with the same key share it.
    """

    columns: tuple[str, ...]
    key: str
    bind: str
    least: bool = False


def _group(key: str, *columns: str, least: bool = False) -> Group:
    return Group(columns, key, key, least)


CREATED_AT: Final = _group("created_at_key", "created_at", least=True)
STARTED_AT: Final = _group("started_at_key", "started_at", least=True)
EXECUTION_STATUS: Final = _group(
    "status_key", "status", "attempt", "error", "output", "reason", "usage", "final_state", "finished_at"
)
TASK_STATUS: Final = _group("status_key", "status", "attempt", "error", "output", "reason", "usage", "finished_at")
NODE_STATUS: Final = _group("status_key", "status", "error", "output", "reason", "usage", "state", "finished_at")
TASK_START: Final = _group("start_key", "worker")
NODE_START: Final = _group("start_key", "input", "agent_id")
CHECKPOINT: Final = _group("current_state_key", "current_state")
PROGRESS: Final = _group("progress_key", "progress", "progress_message")
ITERATIONS: Final = Group((), "iterations", "iterations")
SENT: Final = _group(
    "sent_key", "from_sandbox_id", "workspace_id", "message_type", "content", "thread_id",
    "in_reply_to", "execution_id", "task_id", "priority", "expires_at",
)  # fmt: skip
DELIVERY_STATUS: Final = _group("status_key", "status", "reason")
SENT_AT: Final = _group("sent_at_key", "sent_at", least=True)
DELIVERED_AT: Final = _group("delivered_at_key", "delivered_at", least=True)
WORKSPACE_STATUS: Final = _group("status_key", "status", "reason", "archived_at")
SANDBOX_STATUS: Final = _group("status_key", "status", "error", "reason", "status_at")
DESCRIPTION: Final = {
    table: {field: Group((field,), f"{field}_key", "description_key") for field in fields}
    for table, fields in DESCRIBED.items()
}
"""Each field of a description is a group by itself."""

Shape = tuple[str, tuple[str, ...], tuple[tuple[Group, tuple[str, ...]], ...], str | None]
"""What an upsert looks like, without its values: table, columns set as they are, groups with the columns the event
gives, and the column that takes one row for each item of a JSON array of texts, where there is one."""


@dataclass(frozen=True, slots=True)
class Upsert:
    """The statement of a shape, to be built for either database; `binds` names its parameters in order of values."""

    table: Table
    given: tuple[str, ...]
    groups: tuple[tuple[Group, tuple[str, ...]], ...]
    each: str | None
    binds: tuple[str, ...]

    def postgresql(self, prefix: str, new: FromClause | None) -> Any:
        """The upsert of rows that are there only where the event's journal row is `new` (None: always)."""
        names, values = self._row(prefix)
        rows = select(*values)
        if new is not None:
            rows = rows.select_from(
                new if self.each is None else new.join(self._items(prefix, "jsonb_array_elements_text"), true())
            )
        return self._on_conflict(postgresql.insert(self.table).from_select(names, rows))

    def sqlite(self, prefix: str) -> Any:
        """The upsert by itself. (`WHERE true` keeps SQLite from reading ON CONFLICT as part of a join.)"""
        names, values = self._row(prefix)
        rows = select(*values).where(true())
        if self.each is not None:
            rows = rows.select_from(self._items(prefix, "json_each"))
        return self._on_conflict(sqlite.insert(self.table).from_select(names, rows))

    def _row(self, prefix: str) -> tuple[list[str], list[ColumnElement[Any]]]:
        row: dict[str, ColumnElement[Any]] = {}
        for name in self.given:
            row[name] = self._bind(prefix, name, name)
        if self.each is not None:
            row[self.each] = literal_column("item.value")
        for group, columns in self.groups:
            row[group.key] = self._bind(prefix, group.bind, group.key)
            for name in columns:
                row[name] = self._bind(prefix, name, name)
        return list(row), list(row.values())

    def _bind(self, prefix: str, name: str, column: str) -> ColumnElement[Any]:
        return bindparam(prefix + name, type_=self.table.c[column].type)

    def _items(self, prefix: str, function: str) -> FromClause:
        """The items of the JSON array of texts, as rows `item(value)`."""
        texts = bindparam(f"{prefix}{self.each}", type_=tables.Json)
        if function == "json_each":
            return func.json_each(texts).table_valued("value", name="item")
        return func.jsonb_array_elements_text(texts).table_valued("value").render_derived(name="item")

    def _on_conflict(self, insert: Any) -> Any:
        key = [column.name for column in self.table.primary_key]
        if not self.groups:
            return insert.on_conflict_do_nothing(index_elements=key)
        assignments: dict[str, ColumnElement[Any]] = {}
        wins: list[ColumnElement[bool]] = []
        for group, _ in self.groups:
            win = _wins(self.table.c[group.key], insert.excluded[group.key], least=group.least)
            wins.append(win)
            for name in (group.key, *group.columns):
                assignments[name] = case((win, insert.excluded[name]), else_=self.table.c[name])
        return insert.on_conflict_do_update(index_elements=key, set_=assignments, where=or_(*wins))


def _wins(kept: Column[Any], offered: ColumnElement[Any], *, least: bool) -> ColumnElement[bool]:
    wins = offered < kept if least else offered > kept
    return or_(kept.is_(None), wins) if kept.nullable else wins


@lru_cache(maxsize=4096)
def upsert(shape: Shape) -> Upsert:
    """The statement of `shape`; made once for each shape that occurs."""
    table, given, groups, each = shape
    binds = [*given, *([each] if each else [])]
    for group, columns in groups:
        if group.bind not in binds:
            binds.append(group.bind)
        binds.extend(columns)
    return Upsert(tables.metadata.tables[table], given, groups, each, tuple(binds))


class Write:
    """One upsert in the making: the shape, and its values in the order of `Upsert.binds`.

    Values are in the form in which both databases take them: text, numbers, None; times as `domain.times.sortable`
    gives them, JSON as text.
    """

    __slots__ = ("_binds", "each", "given", "groups", "table", "values")

    def __init__(self, table: Table, each: tuple[str, str] | None = None, /, **given: Any) -> None:
        self.table = table.name
        self.given = tuple(given)
        self.values = list(given.values())
        self.groups: list[tuple[Group, tuple[str, ...]]] = []
        self.each: str | None = None
        self._binds: list[str] = []
        if each is not None:
            self.each = each[0]
            self.values.append(each[1])

    def group(self, group: Group, key: Any, /, **values: Any) -> Write:
        """Adds a group; its columns that are not among `values`, or None there, are null where the event wins."""
        if None in values.values():
            values = {name: value for name, value in values.items() if value is not None}
        self.groups.append((group, tuple(values)))
        if group.bind not in self._binds:
            self._binds.append(group.bind)
            self.values.append(key)
        self.values += values.values()
        return self

    @property
    def shape(self) -> Shape:
        return self.table, self.given, tuple(self.groups), self.each
