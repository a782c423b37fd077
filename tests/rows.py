"""The rows that stand in a database, in the form in which the oracle gives them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, select

from storage import tables
from tests import oracle

TABLES: Final = ("executions", "execution_logs", "tasks", "task_logs", "messages", "message_deliveries")

Rows = dict[str, dict[tuple[Any, ...], dict[str, Any]]]


def rows(connection: Connection) -> Rows:
    """All rows of the tables that the merge rule fills, by primary key, with the contract's columns alone."""
    return {name: _table(connection, name) for name in TABLES}


def expected(connection: Connection) -> Rows:
    """What the oracle makes of the journal in the same database."""
    journal = connection.execute(select(tables.events.c.raw, tables.events.c.recorded_at)).all()
    computed = oracle.tables(oracle.Recorded(row.raw, row.recorded_at) for row in journal)
    return {name: computed[name] for name in TABLES}


def differences(connection: Connection) -> list[str]:
    """In words, how the rows differ from what the merge rule makes of the journal; empty where they do not."""
    found: list[str] = []
    actual, wanted = rows(connection), expected(connection)
    for name in TABLES:
        found += [f"{name} {key}: missing" for key in wanted[name].keys() - actual[name].keys()]
        found += [f"{name} {key}: unexpected" for key in actual[name].keys() - wanted[name].keys()]
        for key in wanted[name].keys() & actual[name].keys():
            for column, value in wanted[name][key].items():
                if not _same(actual[name][key][column], value):
                    found.append(f"{name} {key} {column}: {actual[name][key][column]!r}, expected {value!r}")
    return found


def _table(connection: Connection, name: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    table = tables.metadata.tables[name]
    columns = [column for column in table.c if not column.name.endswith("_key")]
    key = [column.name for column in table.primary_key]
    found = {}
    for row in connection.execute(select(*columns)).mappings():
        found[tuple(row[part] for part in key)] = dict(row)
    return found


def _same(one: Any, other: Any) -> bool:
    """Equality of values that tells true from 1, but not 1 from 1.0: PostgreSQL's jsonb does not, either."""
    left = [(one, other)]
    while left:
        a, b = left.pop()
        if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
            left += [(a[name], b[name]) for name in a]
        elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
            left += zip(a, b, strict=True)
        elif isinstance(a, bool) or isinstance(b, bool):
            if a is not b:
                return False
        elif a != b and not (
            isinstance(a, int | float | Decimal) and isinstance(b, int | float | Decimal) and float(a) == float(b)
        ):
            return False
    return True
