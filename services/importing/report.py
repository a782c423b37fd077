"""What became of the lines of an import."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from flowledger.client.lines import BadLine
from flowledger.services.importing.batches import Batch, Outcome
from flowledger.services.importing.places import Place

MOST_REFUSED: Final = 10_000
"""Most refused lines that a report names; all are told to the watcher as they come, and counted."""
INTERRUPTED: Final = "interrupted"
"""Why an import is unfinished that was asked to stop."""


@dataclass
class Lost:
    """Lines that were taken from a pipe and not recorded, because the database was away when the import ended.

    They are between the lines `first` and `last`; others between these may have been recorded.
    """

    file: str
    lines: int
    first: int
    last: int


@dataclass
class Report:
    """What became of the lines of all files.

    `skipped` lines were done before, by an import that did not come to its end; `skipped_bad` of them were refused or
    became dead letters. `refused_lines` is how many lines were refused; `refused` are the first of them. `unfinished`
    says why the import stopped; it is empty if it did not. `lost` are lines that cannot be read again, by their pipes.
    """

    recorded: int = 0
    repeated: int = 0
    dead: int = 0
    refused_lines: int = 0
    skipped: int = 0
    skipped_bad: int = 0
    refused: list[BadLine] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    unfinished: str = ""
    seconds: float = 0.0

    @property
    def taken(self) -> str:
        """How many events were recorded, in words."""
        return f"{self.recorded:,} events recorded, {self.repeated:,} known already"

    @property
    def lines(self) -> int:
        return self.recorded + self.repeated + self.dead + self.refused_lines

    @property
    def is_complete(self) -> bool:
        """Whether each line is recorded."""
        return not (self.refused_lines or self.dead or self.skipped_bad or self.unfinished)

    def add(self, outcome: Outcome) -> None:
        self.recorded += outcome.recorded
        self.repeated += outcome.repeated
        self.dead += outcome.dead
        self.refused_lines += len(outcome.refused)
        self.refused += outcome.refused[: MOST_REFUSED - len(self.refused)]

    def lose(self, batch: Batch) -> None:
        first, last = batch.lines[0].number, batch.lines[-1].number
        known = next((lost for lost in self.lost if lost.file == batch.file), None)
        if known is None:
            self.lost.append(Lost(batch.file, len(batch.lines), first, last))
            return
        known.lines += len(batch.lines)
        known.first, known.last = min(known.first, first), max(known.last, last)

    def skip(self, place: Place) -> None:
        self.skipped += place.line
        self.skipped_bad += place.bad
