"""Every full run of `make faults`, kept in `docs/reliability.md` from run to run, so that the kills add up."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

_HEADING: Final = "## All full runs"
_COLUMNS: Final = ("date", "commit", "seed", "minutes", "events", "faults", "kills", "lost", "doubled", "rows held")


class FullRun(NamedTuple):
    """A run of every row at length, as it stands in the list."""

    date: str
    commit: str
    seed: int
    minutes: int
    events: int
    faults: int
    kills: int
    lost: int
    doubled: int
    held: str

    @classmethod
    def read(cls, line: str) -> FullRun:
        """From a line of the table; ValueError if it is none."""
        date, commit, *numbers, held = (cell.strip() for cell in line.strip().strip("|").split("|"))
        seed, minutes, events, faults, kills, lost, doubled = (int(number.replace(",", "")) for number in numbers)
        return cls(date, commit, seed, minutes, events, faults, kills, lost, doubled, held)

    def __str__(self) -> str:
        counts = (f"{count:,}" for count in (self.events, self.faults, self.kills, self.lost, self.doubled))
        cells = (self.date, self.commit, str(self.seed), str(self.minutes), *counts, self.held)
        return f"| {' | '.join(cells)} |"


def read(page: Path) -> list[FullRun]:
    """The runs that the page tells of; none if there is no page, or no list in it."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    lines = text.partition(_HEADING)[2].partition("\n## ")[0].splitlines()
    return [FullRun.read(line) for line in lines if line.startswith("| 2")]


def section(runs: Sequence[FullRun]) -> str:
    """The list, its sum, and what the kills say together."""
    kills, lost, doubled = (sum(getattr(run, name) for run in runs) for name in ("kills", "lost", "doubled"))
    together = (
        f"{len(runs)} full runs: {sum(run.events for run in runs):,} events, {kills:,} processes killed with -9, "
    )
    together += f"{lost:,} events lost, {doubled:,} doubled."
    if kills and not lost:
        together += f" The chance that a kill loses an event is below 3/N = {3 / kills:.2%}."
    table = [f"| {' | '.join(_COLUMNS)} |", "| --- | --- |" + " ---: |" * 7 + " --- |", *map(str, runs)]
    words = (
        "Each run of `make faults` that comes to its end adds a line; the control and rows that failed before they\n"
        "were judged are not counted. The commit is the one that was tried; of the first two, the one that told of\n"
        "the run.\n"
    )
    return "\n".join([f"{_HEADING}\n", words, *table, "", together]) + "\n"


def commit() -> str:
    """The commit that is tried, with a `+` if files differ from it; empty if there is no Git."""
    try:
        head = _git("rev-parse", "--short=7", "HEAD")
        return head + "+" * bool(_git("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.CalledProcessError):
        return ""


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()
