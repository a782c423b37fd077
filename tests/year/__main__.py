"""`python -m tests.year`: a year of events in some minutes, by a simulated clock, with retention all the while.

It says what does not hold at the end, and draws what the database held, day by day.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Final

from flowledger import Storage, migrations
from flowledger.cli.embedded import embedded_postgres_server
from flowledger.cli.leftovers import leave_nothing_running
from tests.year.checks import broken
from tests.year.simulation import DAYS, KEEPING, Sizes, Year, per_day, simulate

PICTURE: Final = Path(__file__).parents[2] / "docs" / "images" / "year.svg"
_MIB: Final = 2**20
_MONTH: Final = 30


def main() -> int:
    """Simulate, check, draw. Return 1 if something does not hold."""
    leave_nothing_running()
    parser = argparse.ArgumentParser(prog="python -m tests.year", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000, help="events of the year")
    parser.add_argument("--picture", type=Path, default=None, help="where the picture goes, as SVG")
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="flowledger-year-") as folder,
        embedded_postgres_server(Path(folder) / "postgresql") as server,
        Storage.open(server.url) as storage,
    ):
        migrations.upgrade(storage.engine)
        year = simulate(storage, server.url, asked.events, _tell)
        _report(year)
        faults = [*broken(storage, year, per_day(asked.events))]
    for fault in faults[:_MONTH]:
        print(f"does not hold: {fault}")
    if asked.picture is not None:
        from tests.year.picture import draw  # matplotlib is installed by `make year` alone

        draw(year.sizes, asked.picture)
    print("all holds" if not faults else f"{len(faults)} faults")
    return 1 if faults else 0


def _tell(sizes: Sizes) -> None:
    if sizes.day % _MONTH == 0 or sizes.day == DAYS:
        parts = ", ".join(f"{part} {size / _MIB:,.0f}" for part, size in sizes.bytes.items())
        print(f"day {sizes.day:3}: {sizes.recorded:,} events; MiB: {parts}", flush=True)


def _report(year: Year) -> None:
    done = year.recorded
    counts = f"{done.recorded:,} events recorded, {done.repeated} repeated, {done.dead} dead letters"
    print(f"{counts}, in {year.seconds:,.0f} s")
    print(f"kept for days: {KEEPING}")
    print(f"longest batch: {done.longest * 1000:,.0f} ms, without rounds {year.longest_alone * 1000:,.0f} ms")


if __name__ == "__main__":
    sys.exit(main())
