"""Records of any table as a person reads a list of them: a table if it fits, else an entry for each record.

Which fields are shown follows from what the repository declares: the key, the status, the name, the filters, the fields
that tell one record from another (`told_by`), and the time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from flowledger.cli import screen
from flowledger.cli.layout import Cell, Column, print_entries
from flowledger.storage.repository import Repository

_SHOWN: Final = 160
"""Characters of a value."""
_OF_EVENT: Final = frozenset({"source", "event_id", "recorded_at"})
_HEADS: Final = {"took_seconds": "took"}
_CELLS: Final[dict[str, Callable[[Any], Cell]]] = {
    "status": screen.status,
    "level": lambda level: screen.words(level, screen.LEVEL_STYLES.get(level, "")),
    "took_seconds": screen.duration,
    "error": lambda error: screen.words(error.get("message"), "red", limit=_SHOWN),
}
"""Fields that are not shown as their values are."""


def print_records(
    title: str, repository: type[Repository[Any]], records: Sequence[Any], *, without: Collection[str] = ()
) -> None:
    """Print records of a table; columns that are empty in all of them are left out, and those that are `without`."""
    cells = {name: [_cell(name, getattr(record, name)) for record in records] for name in fields_of(repository)}
    shown = {name: some for name, some in cells.items() if name not in without and any(map(str, some))}
    leads = {next(iter(shown), ""), "status", "level", repository.time}
    columns = [Column(_HEADS.get(name, name), _wraps(name, some), name in leads) for name, some in shown.items()]
    print_entries(title, columns, list(zip(*shown.values(), strict=True)))


def fields_of(repository: type[Repository[Any]]) -> list[str]:
    """Return the names of the fields that a list shows, the most telling first."""
    key = [column.name for column in repository.table.primary_key if column.name not in _OF_EVENT]
    time = () if repository.time is None else (repository.time,)
    names = (*(key or time), "status", "name", *repository.filters(), *repository.told_by, *time)
    known = {field.name for field in fields(repository.record)}
    return [name for name in dict.fromkeys(names) if name in known]


def _cell(name: str, value: Any) -> Cell:
    if value is None or isinstance(value, datetime):
        return screen.time(value)
    if name in _CELLS:
        return _CELLS[name](value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return screen.words(str(value) if isinstance(value, Decimal) else value, limit=_SHOWN)


def _wraps(name: str, cells: Sequence[Cell]) -> bool:
    """Whether the cells are texts of several words, and neither times nor durations."""
    is_time = name.endswith("_at") or name in ("time", "start", "took_seconds")
    return not is_time and any(" " in str(cell) for cell in cells)
