"""How the ledger grows, as `flowledger status` shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from flowledger.cli import layout
from flowledger.cli.layout import Cell, Column
from flowledger.domain import readable
from flowledger.workers.status.growth import Growth, Part

_COLUMNS: Final = tuple(map(Column, ("part", "size", "rows, about", "in the last day", "a day, of a week")))


def print_growth(found: Growth) -> None:
    """Print sizes, growth, and what is ahead."""
    if found.parts:
        rows = [_part(part) for part in found.parts]
        if len(rows) > 1:
            total = (found.bytes, found.last_day, found.last_week)
            rows.append(["all", _size(total[0]), "", *map(_grown, total[1:])])
        layout.print_table("Growth", _COLUMNS, rows)
    layout.print_rows(layout.facts(_facts(found)))


def _facts(found: Growth) -> Iterator[tuple[str, Cell]]:
    ahead = [one.ahead_days for one in found.weeks if one.ahead_days is not None]
    if ahead:
        yield "partitions", f"for {min(ahead):.0f} days ahead"
    for one in found.weeks:
        if one.oldest is not None:
            late = f", {one.late_days:.1f} days longer than kept" if one.late_days else ""
            yield f"oldest {one.name}", f"{readable.time(one.oldest)[:10]}{late}"
    if found.holds:
        yield "holds", f"{found.holds:,}"
    if found.expected_bytes:
        told = ", ".join(f"{readable.size(size)} in {days} days" for days, size in found.expected_bytes.items())
        yield "if nothing goes", told


def _part(part: Part) -> list[Cell]:
    rows = "" if part.rows is None else f"{part.rows:,}"
    return [part.name, _size(part.bytes), rows, _grown(part.last_day), _grown(part.last_week)]


def _size(size: int | None) -> str:
    return "" if size is None else readable.size(size)


def _grown(size: float | None) -> str:
    return "not known yet" if size is None else f"{'+' if size > 0 else ''}{readable.size(size)}"
