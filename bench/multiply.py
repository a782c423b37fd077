"""Fills a database quickly: multiplies the rows that were recorded of one task, whatever the tables are."""

from __future__ import annotations

import time
from typing import Any, Final

from sqlalchemy import Connection, text

from bench.servers import Servers, run
from bench.workload import MARK

_TABLES: Final = text("""
    SELECT c.oid, c.oid::regclass::text AS name FROM pg_class c
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace ORDER BY c.oid
""")
_COLUMNS: Final = text("""
    SELECT quote_ident(attname) AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
    WHERE attrelid = :table AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attidentity = ''
""")
_WITH_TEXT: Final = ("text", "jsonb", "json")


def fill(servers: Servers, copies: int) -> float:
    """Make `copies` of each row with the mark, with a name at random in its place. Return the seconds it took.

    Copies are written in the order of their names, which is that of most indexes. Foreign keys hold, as the rows that
    they refer to are copied too; they are not checked again.
    """
    began = time.monotonic()
    engine = servers.engine()
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role TO replica"))
        connection.execute(text("SET LOCAL synchronous_commit TO off"))
        connection.execute(text("SET LOCAL work_mem TO '256MB'"))
        connection.execute(
            text(
                "CREATE TEMPORARY TABLE copied ON COMMIT DROP AS "
                "SELECT md5(place::text) AS name FROM generate_series(1, :copies) AS place ORDER BY 1"
            ),
            {"copies": copies},
        )
        for table in connection.execute(_TABLES).all():
            _multiply(connection, table.oid, table.name)
    run(engine, "VACUUM ANALYZE", "CHECKPOINT")
    return time.monotonic() - began


def _multiply(connection: Connection, oid: int, table: str) -> None:
    """Copy each marked row by a statement of its own, which reads the names, and so writes, in their order."""
    columns: Any = connection.execute(_COLUMNS, {"table": oid}).all()
    names = ", ".join(column.name for column in columns)
    values = ", ".join(_value(column.name, column.type) for column in columns)
    marked = connection.execute(
        text(f"SELECT tableoid, ctid::text FROM {table} AS row WHERE row::text LIKE '%{MARK}%'")
    )
    copy = text(
        f"INSERT INTO {table} ({names}) SELECT {values} FROM copied, {table} AS row "
        "WHERE row.tableoid = :tableoid AND row.ctid = CAST(:ctid AS tid)"
    )
    for row in marked.all():
        connection.execute(copy, {"tableoid": row.tableoid, "ctid": row.ctid})


def _value(column: str, type_: str) -> str:
    if type_ in _WITH_TEXT:
        return f"replace(row.{column}::text, '{MARK}', copied.name)::{type_}"
    if type_ == "bytea":  # a digest: another one, the same wherever it was the same
        return f"substr(sha256(row.{column} || copied.name::bytea), 1, length(row.{column}))"
    return f"row.{column}"
