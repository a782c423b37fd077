"""Many rows in one statement: those of some keys, and the first ones of each of some owners.

For each key or owner the database reads as many rows from an index, and no more, whatever else an owner has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    TableValuedAlias,
    bindparam,
    func,
    literal_column,
    select,
    true,
    tuple_,
)

from flowledger.domain.json_text import plain
from flowledger.storage.paging import Order
from flowledger.storage.schema.types import Json

MAX_EACH: Final = 100
"""Most rows of each owner."""


def is_one_of(
    connection: Connection, key: Sequence[Column[Any]], keys: Sequence[tuple[Any, ...]]
) -> ColumnElement[bool]:
    """Return the condition that these columns have the values of one of the `keys`."""
    if len(key) == 1:
        return key[0].in_([part for (part,) in keys])
    if connection.dialect.name == "postgresql":
        return tuple_(*key).in_(keys)
    # SQLite uses an index for rows that a query yields, not for rows that are written out.
    items = func.json_each(bindparam(None, [*map(list, keys)], type_=Json)).table_valued("value", name="item")
    parts = (func.json_extract(items.c.value, f"$[{place}]") for place in range(len(key)))
    return tuple_(*key).in_(select(*parts))


def first_of_each(
    connection: Connection, rows: Select[Any], owner: Column[Any], ids: Sequence[str], *, order: Order, limit: int
) -> Select[Any]:
    """Return the select of the first `rows`, in this order, of each owner; the result is in the same order."""
    one_of_each = _lateral if connection.dialect.name == "postgresql" else _by_rowid
    return one_of_each(rows, owner, owners_of(connection, ids), order, limit)


def owners_of(connection: Connection, ids: Sequence[str]) -> TableValuedAlias:
    """Return the ids as rows of a table with the one column `value`."""
    texts = bindparam(None, [*map(plain, ids)], type_=Json)
    if connection.dialect.name == "postgresql":
        return func.jsonb_array_elements_text(texts).table_valued("value").render_derived(name="owner")
    return func.json_each(texts).table_valued("value", name="owner")


def _lateral(rows: Select[Any], owner: Column[Any], owners: TableValuedAlias, order: Order, limit: int) -> Select[Any]:
    of_owner = rows.where(owner == owners.c.value).order_by(*order.by()).limit(limit)
    found = of_owner.correlate(owners).lateral("found")
    return select(*found.c).select_from(owners.join(found, true())).order_by(*order.by(found.c))


def _by_rowid(rows: Select[Any], owner: Column[Any], owners: TableValuedAlias, order: Order, limit: int) -> Select[Any]:
    """SQLite has no LATERAL, but a subquery that yields rows' numbers may depend on the owner."""
    table = owner.table.alias("one")
    numbers: Select[Any] = select(literal_column("one.rowid")).select_from(table)
    numbers = numbers.where(table.c[owner.name] == owners.c.value).order_by(*order.by(table.c)).limit(limit)
    is_first = literal_column(f"{owner.table.name}.rowid").in_(numbers.correlate(owners))
    return rows.select_from(owners.join(owner.table, is_first)).order_by(*order.by())
