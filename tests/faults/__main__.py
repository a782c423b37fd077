"""`make faults`: every row of FAULTS.md at length; a table, and `docs/reliability.md`."""

from __future__ import annotations

import argparse
import dataclasses
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from rich.console import Console

from tests.faults.rows import ROWS
from tests.faults.run import try_row
from tests.faults.trial import Dose, Outcome, Row

console: Final = Console(highlight=False)


def main() -> None:
    options = _options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    seed = options.seed if options.seed is not None else time.time_ns() % 10**6
    rows = [row for row in ROWS if not options.rows or row.number in options.rows]
    outcomes: list[Outcome] = []
    try:
        for row in rows:
            outcomes.append(_try(row, _dose(row, options), seed))
    except KeyboardInterrupt:
        console.print("[yellow]interrupted; everything is stopped[/yellow]")
    console.print([(o.number, o.faults, o.verdict, o.recoveries[-5:], o.notes, o.failed) for o in outcomes])
    sys.exit(1 if any(outcome.failed for outcome in outcomes) else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--rows", type=lambda text: [int(part) for part in text.split(",")], help="such as 0,2,5")
    parser.add_argument("--seed", type=int, help="the seed of an earlier run, to do the same again")
    parser.add_argument("--sample", action="store_true", help="the small doses of make test")
    parser.add_argument("--kills", type=int, help="kills of row 2")
    parser.add_argument("--events", type=int, help="events of row 2 at the least")
    return parser.parse_args()


def _dose(row: Row, options: argparse.Namespace) -> Dose:
    dose = row.sample if options.sample and row.sample else row.long
    if row.number == 2:
        given = {"faults": options.kills, "events": options.events}
        dose = dataclasses.replace(dose, **{name: value for name, value in given.items() if value is not None})
    return dose


def _try(row: Row, dose: Dose, seed: int) -> Outcome:
    folder = Path(tempfile.mkdtemp(prefix="flowledger-faults-"))
    console.print(f"[bold]row {row.number}[/bold] {row.title} (seed {seed})")
    try:
        outcome = try_row(row, dose, seed, folder, lambda words: console.print(f"  [dim]{words}[/dim]"))
    finally:
        if not os.environ.get("KEEP"):
            shutil.rmtree(folder, ignore_errors=True)
    return outcome


if __name__ == "__main__":
    main()
