"""`flowledger gaps`: which numbers are missing, where producers number their events."""

from __future__ import annotations

from typing import Final

from rich.text import Text

from flowledger.cli import screen
from flowledger.cli.layout import Cell, Column, print_table
from flowledger.domain.settings import Settings
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.ledger.gaps import By, Gap, Gaps, find_gaps
from flowledger.storage.transactions import snapshot
from flowledger.storage.unit_of_work import Storage

_COLUMNS: Final = tuple(
    map(Column, ("source", "numbered by", "counters", "events", "repeated", "missing", "dead letters"))
)
_NUMBER: Final = 40
_SOURCES: Final = 20


def gaps(settings: Settings, *, by: By | None, source: str | None, start: int | None, most: int, quiet: bool) -> Gaps:
    """Looks at one moment of the journal."""
    with Storage(make_engine(settings)) as storage, snapshot(storage) as connection:
        if quiet:
            return find_gaps(connection, by=by, source=source, start=start, most=most)
        with screen.err.status("reading the journal in the order of its numbers"):
            return find_gaps(connection, by=by, source=source, start=start, most=most)


def print_gaps(found: Gaps) -> None:
    """Print the sources that number their events, then what is missing."""
    if not found.sources:
        screen.out.print("no event has a number in its `sequence`")
        return
    rows: list[list[Cell]] = [
        [
            screen.words(one.source), one.by.value, f"{one.counters:,}", f"{one.events:,}", f"{one.repeated:,}",
            Text(_number(one.missing), style="red" if one.missing else "green"), f"{one.dead_letters:,}",
        ]
        for one in found.sources[:_SOURCES]
    ]  # fmt: skip
    print_table("", _COLUMNS, rows)
    if len(found.sources) > _SOURCES:
        screen.out.print(Text(f"… and {len(found.sources) - _SOURCES:,} more sources (--source, --json)", style="dim"))
    for gap in found.gaps:
        screen.out.print(_line(gap), soft_wrap=True)
    if found.ranges > len(found.gaps):
        screen.out.print(Text(f"… and {found.ranges - len(found.gaps):,} more ranges (--most)", style="dim"))
    if found.unknown:
        words = (
            f"{_number(found.unknown)} numbers are not judged: names or rows of that time may be gone "
            "(LEDGER_KEEP_NAMES_DAYS, LEDGER_KEEP_ROWS_DAYS)"
        )
        screen.out.print(Text(words, style="dim"))
    if found.missing == 0:
        screen.out.print(Text("no number is missing", style="green"))


def _line(gap: Gap) -> Text:
    counter = () if gap.counter is None else (" ", screen.words(gap.counter))
    if gap.first == gap.last:
        numbers = _number(gap.first)
    else:
        numbers = f"{_number(gap.first)} to {_number(gap.last)}, {_number(gap.last - gap.first + 1)} numbers"
    return Text.assemble(screen.words(gap.source, "dim"), *counter, ": ", (numbers, "red"))


def _number(number: int) -> str:
    """Return the number, or of a very long one its beginning and how long it is."""
    digits = f"{number:,}"
    return digits if len(digits) <= _NUMBER else f"{digits[:20]}… ({len(str(number)):,} digits)"
