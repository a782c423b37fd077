"""What an execution used, by its own report and in the sums of its parts'. Levels are not added: they may overlap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

_COLUMNS: Final = 12


@dataclass(frozen=True, slots=True)
class Usage:
    """A table: a column for each name of a number, and a row for each who reported it: a title, and the numbers."""

    names: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


def usage_of(reported: Mapping[str, Mapping[str, Any]]) -> Usage:
    """Return the table of what was used, by title; rows without a number are left out."""
    numbers = {
        title: {name: value for name, value in used.items() if _is_number(value)} for title, used in reported.items()
    }
    names = tuple(dict.fromkeys(name for used in numbers.values() for name in sorted(used)))[:_COLUMNS]
    rows = ((title, tuple(_words(used.get(name)) for name in names)) for title, used in numbers.items() if used)
    return Usage(names, tuple(rows))


def sums(usages: Iterable[Mapping[str, Any] | None]) -> dict[str, float]:
    """Return the sums of the numbers of some records, by name."""
    found: dict[str, float] = {}
    for used in usages:
        for name, value in (used or {}).items():
            if _is_number(value):
                found[name] = found.get(name, 0) + float(value)
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _words(value: float | None) -> str:
    if value is None:
        return ""
    return f"{int(value):,}" if float(value).is_integer() and abs(value) < 1e15 else f"{value:,.6g}"
