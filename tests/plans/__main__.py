"""`python -m tests.plans`: what each look-up does on full tables; writes docs/lookups.md.

PostgreSQL is an embedded one, whose tables get `--rows` rows each; SQLite is asked for its plan alone.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, text

from flowledger import Storage, migrations
from flowledger.cli.embedded import embedded_postgres_server
from flowledger.cli.leftovers import leave_nothing_running
from tests.plans.catalogue import LOOK_UPS, LookUp
from tests.plans.explained import indexes, milliseconds, plans, query_plan, scanned
from tests.plans.filled import fill

PAGE: Final = Path(__file__).parents[2] / "docs" / "lookups.md"
_HEAD: Final = """\
# Look-ups

All look-ups of records ([how to call them](contract/lookups.md)), and the index that PostgreSQL uses for each, if every
table has {rows:,} rows. The time is that of the call on one connection, in milliseconds, until its records are there.
In the last column, SQLite's own plan. `make plans` writes this page.

A table in italics is read as a whole: a count of all records has no index to go by, and of two tables PostgreSQL may
read one that is small beside the other. The plan is that of these rows: each sample value is in one row of 200. Of a
table in weeks, an index is that of the whole table: each week that is read has its part of it.
"""
_WHOLES: Final = text("SELECT inhrelid::regclass::text, inhparent::regclass::text FROM pg_inherits")


def main() -> None:
    """Fill, measure, write."""
    leave_nothing_running()
    parser = argparse.ArgumentParser(prog="python -m tests.plans", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of each table")
    parser.add_argument("--page", type=Path, default=PAGE, help="the file to write")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sqlite = dict(_on_sqlite(f"sqlite:///{folder}/ledger.db"))
        with embedded_postgres_server(Path(folder) / "postgresql") as server, _migrated(server.url) as storage:
            with storage.engine.begin() as connection:
                connection.execute(
                    text("SET LOCAL synchronous_commit TO off; SET LOCAL maintenance_work_mem TO '256MB'")
                )
                fill(connection, asked.rows, lambda table: print(f"filling {table}", flush=True))
            print("telling the planner", flush=True)
            with storage.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM ANALYZE"))
            print(f"doing {len(LOOK_UPS)} look-ups", flush=True)
            with storage.reading() as connection:
                wholes = {row[0]: row[1] for row in connection.execute(_WHOLES)}
                lines = [_line(connection, one, sqlite[one.name], wholes) for one in LOOK_UPS]
    asked.page.write_text(_HEAD.format(rows=asked.rows) + "".join(_sections(zip(LOOK_UPS, lines, strict=True))))
    print(f"{asked.page}: {len(lines)} look-ups")


def _migrated(url: str) -> Storage:
    storage = Storage.open(url)
    migrations.upgrade(storage.engine)
    return storage


def _on_sqlite(url: str) -> Iterator[tuple[str, str]]:
    with _migrated(url) as storage, storage.reading() as connection:
        for one in LOOK_UPS:
            yield one.name, "; ".join(dict.fromkeys(map(_short, query_plan(connection, one.read))))


def _short(step: str) -> str:
    return f"*{step}*" if step.startswith("SCAN ") and "INDEX" not in step else step


def _line(connection: Connection, one: LookUp, sqlite: str, wholes: Mapping[str, str]) -> str:
    """Return a row of the page. `wholes` tells of parts of tables and indexes what they are parts of."""
    found = plans(connection, one.read)
    used = [wholes.get(name, name) for plan in found for name in indexes(plan)]
    whole = [f"*{wholes.get(name, name)}*" for plan in found for name in scanned(plan)]
    took = milliseconds(connection, one.read)
    return f"| `{one.said}` | {', '.join(dict.fromkeys(used + whole))} | {took:,.1f} | {sqlite} |\n"


def _sections(rows: Iterable[tuple[LookUp, str]]) -> Iterator[str]:
    for repository, group in groupby(rows, key=lambda row: row[0].repository):
        yield f"\n## {repository}\n\n| look-up | PostgreSQL | ms | SQLite |\n| --- | --- | --- | --- |\n"
        yield from (line for _, line in group)


if __name__ == "__main__":
    main()
