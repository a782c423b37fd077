"""`python -m tests.pages`: how long pages take at the server, on a ledger with many executions.

PostgreSQL is an embedded one, whose tables get `--rows` rows each; one execution gets `--tasks` tasks. Each page is
asked for by HTTP, once, and then as often as `--times` says.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from pydantic import SecretStr
from sqlalchemy import text

from flowledger import Storage, migrations
from flowledger.cli.embedded import embedded_postgres_server, embedded_valkey_server
from flowledger.cli.leftovers import leave_nothing_running
from flowledger.domain.settings import Settings
from tests.pages.asked import PAGES, Asked
from tests.pages.filled import fill
from tests.web.site import Site, served

SLOW_MS: Final = 300.0


def main() -> None:
    """Fill, serve, measure, print; ends with 1 if the median of a page is not below SLOW_MS."""
    leave_nothing_running()
    parser = argparse.ArgumentParser(prog="python -m tests.pages", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of each table")
    parser.add_argument("--tasks", type=int, default=10_000, help="tasks of one execution")
    parser.add_argument("--times", type=int, default=20, help="requests of each page")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            embedded_postgres_server(folder / "postgresql") as database,
            embedded_valkey_server(folder / "valkey") as broker,
        ):
            prepare(database.url, asked.rows, asked.tasks)
            urls = {"database_url": SecretStr(database.url), "redis_url": SecretStr(broker.url)}
            with served(Settings.load(**urls)) as site:
                sys.exit(0 if measure(site, asked.times) else 1)


def prepare(url: str, rows: int, tasks: int) -> None:
    """Make the tables, fill them, and tell the planner what is in them."""
    with Storage.open(url) as storage:
        migrations.upgrade(storage.engine)
        with storage.engine.begin() as connection:
            connection.execute(text("SET LOCAL synchronous_commit TO off"))
            fill(connection, rows, tasks, lambda table: print(f"filling {table}", file=sys.stderr, flush=True))
        with storage.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


def measure(site: Site, times: int) -> bool:
    """Print a table of all pages. Return whether all are fast enough."""
    print("| page | median of", times, "| slowest | queries |\n| --- | ---: | ---: | ---: |")
    medians = [_measured(site, page, times) for page in PAGES]
    return max(medians) < SLOW_MS


def _measured(site: Site, page: Asked, times: int) -> float:
    queries = site.get(page.path).queries
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        assert site.get(page.path).status == 200, page.path
        taken.append((time.perf_counter() - began) * 1000)
    median = statistics.median(taken)
    print(f"| {page.title} | {median:,.0f} ms | {max(taken):,.0f} ms | {queries} |", flush=True)
    return median


if __name__ == "__main__":
    main()
