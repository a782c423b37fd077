"""Partitions by time on PostgreSQL: tables that only grow, cut into weeks, so that old rows go with a whole table.

The function `ledger_make_partitions` makes them (docs/decisions/0054), `ledger_let_go` removes them (0058). Both run
with the rights of the tables' owner, so that no other role needs DDL. SQLite has plain tables.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg2
from sqlalchemy import DDL, Connection, Index, Table, event, text

from flowledger.domain.times import sortable
from flowledger.storage.schema.columns import metadata

DAYS: Final = 7
"""The width of a partition, from Monday to Monday, UTC.

A row lives up to a week longer than asked. Ten years without retention are 520 partitions, of which a look-up opens
one; a tenth of that many days would exceed the locks that PostgreSQL has by default.
"""
AHEAD_WEEKS: Final = 5
"""How many weeks have their partitions in advance, the current one among them."""

BY_WEEK: Final[dict[str, Any]] = {"postgresql_partition_by": "RANGE (recorded_at)"}
"""The option of a table that is partitioned."""

_NAME: Final = re.compile("_[0-9]{8}$")
_CHECK_VIOLATION: Final = "23514"
_subjects: Final[dict[str, tuple[str, ...]]] = {}


class Week(NamedTuple):
    """A partition: its Monday, about how many rows it has, its size with indexes.

    Rows of one that `is_detached` are not found, until it is attached again.
    """

    monday: datetime
    rows: int
    bytes: int
    is_detached: bool


def monday_of(moment: datetime) -> datetime:
    """Return the begin of the week of this moment: of what was recorded before that, all weeks have ended."""
    day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


_WEEKS: Final = text("""
    SELECT c.relname, greatest(c.reltuples, 0)::bigint AS rows, coalesce(pg_total_relation_size(c.oid), 0) AS bytes,
        coalesce(i.inhdetachpending, true) AS is_detached
    FROM pg_class p
    JOIN pg_class c ON c.relnamespace = p.relnamespace AND c.relkind = 'r'
        AND c.relname ~ ('^' || p.relname || '_[0-9]{8}$')
    LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND i.inhparent = p.oid
    WHERE p.oid = to_regclass(:parent)
    ORDER BY c.relname
""")


def partitioned(table: Table, *subjects: str) -> Table:
    """Have a table's partitions made with it, by its column `recorded_at`.

    `subjects` are the columns of which one has the subject of the row's event; a table without them has other ways.
    """
    _subjects[table.name] = subjects
    return table


def is_partitioned(table: Table) -> bool:
    """Return whether a table has a partition for each week, on PostgreSQL."""
    return table.name in _subjects


def subjects_of(table: Table) -> Sequence[str]:
    """Return the columns of which one has the subject of the row's event."""
    return _subjects[table.name]


def is_partition(name: str) -> bool:
    """Return whether a table is a partition, by its name."""
    return _NAME.search(name) is not None and _NAME.sub("", name) in _subjects


def index_of_age(table: str) -> Index:
    """Return the index by which old rows are found on SQLite, where they go one by one."""
    return Index(f"ix_{table}_recorded_at", "recorded_at").ddl_if(dialect="sqlite")


def is_index_of_age(name: str) -> bool:
    """Return whether an index is one of `index_of_age`, by its name."""
    return name.removeprefix("ix_").removesuffix("_recorded_at") in _subjects


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


def weeks(connection: Connection, table: Table) -> list[Week]:
    """Return the partitions of a table, the oldest first; none on SQLite."""
    if connection.dialect.name != "postgresql":
        return []
    rows = connection.execute(_WEEKS, {"parent": table.name})
    found = ((_monday(row.relname), row) for row in rows)
    return [Week(monday, row.rows, row.bytes, row.is_detached) for monday, row in found if monday is not None]


def is_missing(error: Exception) -> bool:
    """Return whether a row was refused because its partition is missing. (A broken rule has a name.)"""
    if not isinstance(error, psycopg2.Error) or error.pgcode != _CHECK_VIOLATION:
        return False
    return error.diag.constraint_name is None and error.diag.table_name in _subjects


def _monday(name: str) -> datetime | None:
    """Return the Monday in a partition's name; None if there is none: the table is somebody's own."""
    try:
        monday = datetime.strptime(name[-8:], "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return None
    return monday if monday.weekday() == 0 else None


def _ddl(statement: str) -> Any:
    return DDL(statement).execute_if(dialect="postgresql")  # type: ignore[no-untyped-call]


def _made() -> list[str]:
    """Return the statements that make the functions, and the first partitions."""
    texts = (Path(__file__).with_name(name).read_text("utf-8") for name in ("let_go.sql", "partitions.sql"))
    return [statement for one in texts for statement in re.split(r";\n\n", one.strip())]


for _statement in _made():
    event.listen(metadata, "after_create", _ddl(_statement.removesuffix(";")))
for _function in ("ledger_make_partitions(timestamptz, integer)", "ledger_let_go(text, timestamptz)"):
    event.listen(metadata, "after_drop", _ddl(f"DROP FUNCTION IF EXISTS {_function}"))
