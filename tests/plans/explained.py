"""How a database runs a look-up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, event

from flowledger.storage.schema.partitions import is_partition

Read = Callable[[Connection], Any]
Plan = dict[str, Any]


def statements(connection: Connection, read: Read) -> list[tuple[str, Any]]:
    """Do a look-up; return its statements, with their parameters."""
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement != "BEGIN":  # which SQLite is told
            asked.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    try:
        read(connection)
    finally:
        event.remove(connection, "before_cursor_execute", note)
    return asked


def plan(connection: Connection, read: Read) -> Plan:
    """How PostgreSQL ran the one statement of a look-up."""
    (found,) = plans(connection, read)
    return found


def plans(connection: Connection, read: Read) -> list[Plan]:
    """How PostgreSQL ran each statement of a look-up."""
    found = []
    for statement, parameters in statements(connection, read):
        explained = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters).scalar_one()
        found.append(explained[0]["Plan"])
    return found


def nodes(found: Plan) -> Iterator[Plan]:
    """All steps of a plan."""
    yield found
    for inner in found.get("Plans", ()):
        yield from nodes(inner)


def indexes(found: Plan) -> list[str]:
    """The indexes that a plan uses."""
    return list(dict.fromkeys(node["Index Name"] for node in nodes(found) if "Index Name" in node))


def scanned(found: Plan) -> list[str]:
    """The tables that a plan reads as a whole; empty partitions are none."""
    return [node["Relation Name"] for node in nodes(found) if node["Node Type"] == "Seq Scan" and not _is_empty(node)]


def _is_empty(scan: Plan) -> bool:
    rows = scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0)
    return is_partition(scan["Relation Name"]) and rows * scan["Actual Loops"] == 0


def looked_at(found: Plan) -> int:
    """How many rows were read and thrown away, or read to be sorted: what an index should have spared."""
    removed = sum(
        node.get("Rows Removed by Filter", 0) * node["Actual Loops"] + node.get("Rows Removed by Join Filter", 0)
        for node in nodes(found)
    )
    read = sum(node["Actual Rows"] * node["Actual Loops"] for node in nodes(found) if "Scan" in node["Node Type"])
    return int(removed + read)


def milliseconds(connection: Connection, read: Read, times: int = 5) -> float:
    """The time of a look-up, from the call to the records: the least of some, after a first one."""
    read(connection)
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        read(connection)
        taken.append(time.perf_counter() - began)
    return min(taken) * 1000


def query_plan(connection: Connection, read: Read) -> list[str]:
    """The steps of SQLite."""
    steps = []
    for statement, parameters in statements(connection, read):
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        steps += [str(row[3]) for row in rows]
    return steps
