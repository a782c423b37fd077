"""The first rows of each of many owners in one statement, such as the tasks of several executions.

For each owner the database reads the first rows from an index, and no more, whatever else an owner has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Column, Connection, Select, bindparam, func, literal_column, select, true

from flowledger.storage.paging import Order
from flowledger.storage.schema.types import Json

MAX_EACH: Final = 100
"""Most rows of each owner."""


def first_of_each(
    connection: Connection, rows: Select[Any], owner: Column[Any], ids: Sequence[str], *, order: Order, limit: int
) -> Select[Any]:
    """Return the select of the first `rows`, in this order, of each owner; the result is in the same order."""
    if connection.dialect.name == "postgresql":
        return _lateral(rows, owner, ids, order, limit)
    return _by_rowid(rows, owner, ids, order, limit)


def _lateral(rows: Select[Any], owner: Column[Any], ids: Sequence[str], order: Order, limit: int) -> Select[Any]:
    texts = bindparam(None, list(ids), type_=Json)
    owners = func.jsonb_array_elements_text(texts).table_valued("value").render_derived(name="owner")
    of_owner = rows.where(owner == owners.c.value).order_by(*order.by()).limit(limit)
    found = of_owner.correlate(owners).lateral("found")
    return select(*found.c).select_from(owners.join(found, true())).order_by(*order.by(found.c))


def _by_rowid(rows: Select[Any], owner: Column[Any], ids: Sequence[str], order: Order, limit: int) -> Select[Any]:
    """SQLite has no LATERAL, but a subquery that yields rows' numbers may depend on the owner."""
    owners = func.json_each(bindparam(None, list(ids), type_=Json)).table_valued("value", name="owner")
    table = owner.table.alias("one")
    numbers: Select[Any] = select(literal_column("one.rowid")).select_from(table)
    numbers = numbers.where(table.c[owner.name] == owners.c.value).order_by(*order.by(table.c)).limit(limit)
    is_first = literal_column(f"{owner.table.name}.rowid").in_(numbers.correlate(owners))
    return rows.select_from(owners.join(owner.table, is_first)).order_by(*order.by())
