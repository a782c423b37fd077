"""Rows as plain values: the columns' values in one form on both databases, also if they were written by hand.

A plain row has a value for each column of its table, in order: text, numbers, None; times as in
`domain.times.sortable`, JSON as text. Rows are in the order of their primary keys, which is the same on both databases:
"C" and BINARY are the order of code points.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    delete,
    func,
    select,
    type_coerce,
)
from sqlalchemy import tuple_ as row_of
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import NullType

from flowledger.domain import json_text
from flowledger.storage.kinds.parts import DESCRIPTION
from flowledger.storage.merge.description import KEY, KEYS, Description
from flowledger.storage.schema.types import DecimalText, JsonText, UtcTime, WordsText

Key = tuple[Any, ...]
PlainRow = tuple[Any, ...]

ROWS_AT_ONCE: Final = 200
"""Rows in memory at a time: events of 1 MiB each are then 200 MiB."""

_SORTABLE: Final = "YYYY-MM-DD HH24:MI:SS.US"


class Pair(NamedTuple):
    """Two rows of one key that differ: the found one and the expected one; None if there is no such row."""

    key: Key
    found: PlainRow | None
    expected: PlainRow | None


def rows(
    connection: Connection, table: Table, where: ColumnElement[bool] | None = None, after: Key | None = None
) -> Generator[PlainRow]:
    """Yield the rows (those `where`, and after the key `after`) in order of their keys, fetched a few at a time.

    Close the generator before its connection if it may be left unfinished.
    """
    statement = _select(connection, table, where).order_by(*table.primary_key)
    if after is not None:
        place = row_of(*(bindparam(None, value, Text()) for value in after))
        statement = statement.where(row_of(*table.primary_key) > place)
    yield from _stream(connection, statement)


def in_any_order(connection: Connection, table: Table, where: ColumnElement[bool] | None = None) -> Generator[PlainRow]:
    """Yield the rows (those `where`) in the order fastest for the database, fetched a few at a time."""
    yield from _stream(connection, _select(connection, table, where))


def differing(table: Table, found: Iterator[PlainRow], expected: Iterator[PlainRow]) -> Iterator[Pair]:
    """Walk both in order of their keys, side by side, and yield the rows that differ."""
    here, there = next(found, None), next(expected, None)
    while here is not None or there is not None:
        if here is not None and here == there:
            here, there = next(found, None), next(expected, None)
            continue
        key, other = key_of(table, here), key_of(table, there)
        if other is None or (key is not None and _order(key) < _order(other)):
            assert key is not None
            yield Pair(key, here, None)
            here = next(found, None)
        elif key != other:
            yield Pair(other, None, there)
            there = next(expected, None)
        else:
            if differing_columns(table, here, there):
                yield Pair(other, here, there)
            here, there = next(found, None), next(expected, None)


def differing_columns(table: Table, found: PlainRow | None, expected: PlainRow | None) -> list[str]:
    """Return the names of the columns whose values differ; JSON is compared by value.

    Of a description, the owners of the fields are compared, not the columns that hold them.
    """
    if found is None or expected is None:
        return []
    names = [
        column.name
        for column, one, other in zip(table.c, found, expected, strict=True)
        if one != other and not (_is_json(column) and _same_json(one, other))
    ]
    kept = [name for name in names if name not in (KEY, KEYS)]
    return kept if kept == names or _same_owners(table, found, expected) else names


def key_of(table: Table, row: PlainRow | None) -> Key | None:
    """Return the values of the primary key; None for no row."""
    return None if row is None else tuple([row[place] for place in _key_places(table)])


def put(connection: Connection, table: Table, written: Sequence[PlainRow]) -> None:
    """Write the rows, in place of any with the same keys."""
    names = [column.name for column in table.c]
    if written:
        statement = _put(table, connection.dialect.name)
        connection.execute(statement, [dict(zip(names, row, strict=True)) for row in written])


def remove(connection: Connection, table: Table, keys: Sequence[Key]) -> None:
    """Delete the rows of these keys."""
    if keys:
        names = [f"key_{column.name}" for column in table.primary_key]
        is_key = (
            column == bindparam(name, type_=Text()) for column, name in zip(table.primary_key, names, strict=True)
        )
        connection.execute(delete(table).where(and_(*is_key)), [dict(zip(names, key, strict=True)) for key in keys])


def _select(connection: Connection, table: Table, where: ColumnElement[bool] | None) -> Select[Any]:
    statement = select(*(_plain(column, connection.dialect.name) for column in table.c))
    return statement if where is None else statement.where(where)


def _stream(connection: Connection, statement: Select[Any]) -> Generator[PlainRow]:
    options = {"stream_results": True, "yield_per": ROWS_AT_ONCE}
    with connection.execute(statement, execution_options=options) as result:
        for row in result:
            yield tuple(row)


def _plain(column: Column[Any], dialect: str) -> ColumnElement[Any]:
    if dialect == "sqlite":
        return type_coerce(column, NullType())
    if isinstance(column.type, UtcTime):  # to_char returns null for infinity
        return func.coalesce(func.to_char(func.timezone("UTC", column), _SORTABLE), cast(column, Text))
    if isinstance(column.type, DecimalText):
        return cast(func.trim_scale(column), Text)
    if isinstance(column.type, WordsText):
        return func.array_to_string(func.tsvector_to_array(column), " ")
    return cast(column, Text) if _is_json(column) else column


def _same_owners(table: Table, found: PlainRow, expected: PlainRow) -> bool:
    description: Description = table.info[DESCRIPTION]
    names = [column.name for column in table.c]
    try:
        one, other = (description.owners(dict(zip(names, row, strict=True))) for row in (found, expected))
    except (ValueError, RecursionError, AttributeError):  # not keys at all: written by hand
        return False
    return one == other


def _is_json(column: Column[Any]) -> bool:
    return isinstance(column.type, JsonText)


def _same_json(one: Any, other: Any) -> bool:
    try:
        return isinstance(one, str) and isinstance(other, str) and json_text.same(one, other)
    except (ValueError, RecursionError):
        return False


def _order(key: Key) -> list[tuple[bool, Any]]:
    """Return a key that sorts as in the database: SQLite allows text in a column of numbers, after all numbers."""
    return [(isinstance(value, str), value) for value in key]


@lru_cache
def _key_places(table: Table) -> tuple[int, ...]:
    names = [column.name for column in table.c]
    return tuple(names.index(column.name) for column in table.primary_key)


@lru_cache
def _put(table: Table, dialect: str) -> Any:
    """Return the upsert. Values are passed as text, which SQLAlchemy does not convert: databases accept their form."""
    insert = (postgresql if dialect == "postgresql" else sqlite).insert(table)
    values: dict[str, ColumnElement[Any]] = {column.name: bindparam(column.name, type_=Text()) for column in table.c}
    if dialect == "postgresql":  # SQLite has 0 and 1 for false and true
        values |= {one.name: cast(values[one.name], Boolean) for one in table.c if isinstance(one.type, Boolean)}
    insert = insert.values(values)
    changed = {column.name: insert.excluded[column.name] for column in table.c if not column.primary_key}
    return insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=changed)
