"""Partitions by time on PostgreSQL: tables that only grow, cut into weeks, so that old rows go with a whole table.

The function `ledger_make_partitions` makes them (docs/decisions/0054). It runs with the rights of the tables' owner, so
workers, who have no DDL, may call it: it takes a time and a number of weeks, and makes nothing else. SQLite has plain
tables.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import psycopg2
from sqlalchemy import DDL, Connection, Table, event, text

from flowledger.domain.times import sortable
from flowledger.storage.schema.columns import metadata

DAYS: Final = 7
"""The width of a partition, from Monday to Monday, UTC.

A text lives up to a week longer than asked. Ten years without retention are 520 partitions, of which a look-up opens
one; a tenth of that many days would exceed the locks that PostgreSQL has by default.
"""
AHEAD_WEEKS: Final = 5
"""How many weeks have their partitions in advance, the current one among them."""

_NAME: Final = re.compile("_[0-9]{8}$")
_CHECK_VIOLATION: Final = "23514"
_tables: Final[set[str]] = set()


def partitioned(table: Table) -> Table:
    """Have a table's partitions made with it. It is partitioned by RANGE of its column `recorded_at`."""
    _tables.add(table.name)
    return table


def is_partition(name: str) -> bool:
    """Return whether a table is a partition, by its name."""
    return _NAME.search(name) is not None and _NAME.sub("", name) in _tables


def make_partitions(connection: Connection, since: datetime | str, weeks: int = 1) -> int:
    """Make the partitions of the week of `since` and of the following ones that are missing. Return how many were.

    May be called at any time, also by many at once. Does nothing on SQLite.
    """
    if connection.dialect.name != "postgresql":
        return 0
    moment = sortable(since) if isinstance(since, datetime) else since
    call = text("SELECT ledger_make_partitions(CAST(:since AS timestamptz), :weeks)")
    made: int = connection.execute(call, {"since": f"{moment}+00", "weeks": weeks}).scalar_one()
    return made


def is_missing(error: Exception) -> bool:
    """Return whether a row was refused because its partition is missing. (A broken rule has a name.)"""
    if not isinstance(error, psycopg2.Error) or error.pgcode != _CHECK_VIOLATION:
        return False
    return error.diag.constraint_name is None and error.diag.table_name in _tables


def _ddl(statement: str) -> Any:
    return DDL(statement).execute_if(dialect="postgresql")  # type: ignore[no-untyped-call]


def _made() -> list[str]:
    """Return the statements that make the function, and the first partitions."""
    return [*re.split(r";\n\n", Path(__file__).with_name("partitions.sql").read_text("utf-8").strip())]


for _statement in _made():
    event.listen(metadata, "after_create", _ddl(_statement.removesuffix(";")))
event.listen(metadata, "after_drop", _ddl("DROP FUNCTION IF EXISTS ledger_make_partitions(timestamptz, integer)"))
