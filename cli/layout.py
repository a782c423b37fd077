"""How records are laid out, whatever the width: no word is broken, so that ids and URLs stay whole and can be copied.

A box or a table is drawn if all words fit into it. Else the same stands there without lines around it, and a word that
is longer than the screen is wide runs on: the terminal continues it, and copies it as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from rich.cells import cell_len
from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from flowledger.cli import screen

_AROUND_BOX: Final = 4
"""Columns that the sides of a box take."""
_AROUND_TITLE: Final = 6
_AROUND_CELL: Final = 3
_BETWEEN: Final = 2
"""Columns between the parts of an entry."""
_HANG: Final = 4
"""Columns by which the rest of a row is indented that begins with many words."""
_WORD: Final = re.compile(r"^\s*\S+\s*|\S+\s*")
_WRAPPED: Final = 24
"""Columns that a cell which may be wrapped has at the least."""


Cell = Text | str


class Row(NamedTuple):
    """A text behind what leads it: it is wrapped between words, and each of its lines begins at the same column."""

    lead: Text
    body: Text


class Column(NamedTuple):
    """A column of a table; the cells of one that `wraps` may be wrapped between words.

    What `leads` stands in the first line of an entry (`print_entries`), without its name.
    """

    name: str
    wraps: bool = False
    leads: bool = False


def facts(pairs: Iterable[tuple[str, Cell]], indent: int = 0) -> list[Row]:
    """Return a row for each name and value, the values below each other."""
    known = [(name, Text(value) if isinstance(value, str) else value) for name, value in pairs]
    width = max((cell_len(name) for name, _ in known), default=0)
    return [Row(Text(f"{' ' * indent}{name.ljust(width)}  ", style="dim"), value) for name, value in known]


def indented(body: Text, columns: int) -> Row:
    """Return a row that begins so many columns from the left."""
    return Row(Text(" " * columns), body)


def print_rows(rows: Iterable[Row]) -> None:
    """Print rows without lines around them."""
    for line in _lines(rows, screen.out.width):
        screen.out.print(line, soft_wrap=True)


def print_box(title: Text, rows: Sequence[Row]) -> None:
    """Print rows in a box with a title, if they fit."""
    width = screen.out.width - _AROUND_BOX
    if title.cell_len + _AROUND_TITLE <= screen.out.width and all(_fits(row, width) for row in rows):
        screen.out.print(Panel(Group(*_lines(rows, width)), title=title, title_align="left"))
        return
    screen.out.print(title, soft_wrap=True)
    print_rows(Row(Text("  ").append_text(row.lead), row.body) for row in rows)


def print_table(title: str, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
    """Print a table if it fits; else each row as a block that its first cell heads."""
    cells = _texts(rows)
    if _print_table(title, columns, cells):
        return
    _print_title(title)
    for head, *others in cells:
        screen.out.print(Text.assemble((f"{columns[0].name} ", "dim"), head), soft_wrap=True)
        named = zip(columns[1:], others, strict=True)
        print_rows(facts([(column.name, cell) for column, cell in named if cell.plain], _HANG))


def print_entries(title: str, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
    """Print a table if it fits; else an entry for each row: what leads in a line, and below it the rest with names."""
    cells = _texts(rows)
    if _print_table(title, columns, cells):
        return
    _print_title(title)
    for row in cells:
        given = [(column, cell) for column, cell in zip(columns, row, strict=True) if cell.plain]
        named = [Text.assemble((f"{column.name} ", "dim"), cell) for column, cell in given if not column.leads]
        first, *others = _flowing((cell for column, cell in given if column.leads), screen.out.width)
        screen.out.print(first, soft_wrap=True)
        print_rows(indented(line, _HANG) for line in (*others, *_flowing(named, screen.out.width - _HANG)))


def _texts(rows: Sequence[Sequence[Cell]]) -> list[list[Text]]:
    return [[Text(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]


def _print_title(title: str) -> None:
    if title:
        screen.out.print(Text(title, style="italic"), soft_wrap=True)


def _print_table(title: str, columns: Sequence[Column], cells: Sequence[Sequence[Text]]) -> bool:
    """Print a table if it fits; return whether it does."""
    widths = [_width(column, [row[place] for row in cells]) for place, column in enumerate(columns)]
    if sum(widths) + _AROUND_CELL * len(columns) + 1 > screen.out.width:
        return False
    table = Table(title=title or None, title_justify="left")
    for column, width in zip(columns, widths, strict=True):
        table.add_column(column.name, min_width=width)
    for row in cells:
        table.add_row(*row)
    screen.out.print(table)
    return True


def _flowing(parts: Iterable[Text], width: int) -> Iterator[Text]:
    """Yield the parts in lines, as many in each as fit."""
    line = Text()
    for part in parts:
        if line and line.cell_len + _BETWEEN + part.cell_len > width:
            yield line
            line = Text()
        line = Text.assemble(line, " " * _BETWEEN, part) if line else part
    if line:
        yield line


def _width(column: Column, cells: Sequence[Text]) -> int:
    """Return how many columns of the screen a column of a table needs."""
    texts = [Text(column.name), *cells]
    widest = max(map(_natural, texts))
    return max(*map(_longest_word, texts), min(widest, _WRAPPED)) if column.wraps else widest


def _natural(text: Text) -> int:
    return max((cell_len(line) for line in text.plain.splitlines()), default=0)


def _longest_word(text: Text) -> int:
    return max(map(cell_len, text.plain.split()), default=0)


def _fits(row: Row, width: int) -> bool:
    return _hang(row, width) + _longest_word(row.body) <= width and row.lead.cell_len <= width


def _hang(row: Row, width: int) -> int:
    return row.lead.cell_len if row.lead.cell_len <= width // 2 else _HANG


def _lines(rows: Iterable[Row], width: int) -> Iterator[Text]:
    """Yield the lines of rows: no word is broken, also if it is longer than a line."""
    for row in rows:
        hang = _hang(row, width)
        wrapped = _wrapped(row.body, width - hang)
        if hang == row.lead.cell_len or row.lead.cell_len + _natural(row.body) <= width:
            yield Text.assemble(row.lead, next(wrapped))
        else:
            lead = row.lead.copy()
            lead.rstrip()
            yield lead
        yield from (Text(" " * hang).append_text(line) for line in wrapped)


def _wrapped(text: Text, width: int) -> Iterator[Text]:
    """Yield at least one line; rich's own `Text.wrap` would break words, or cut them."""
    for line in text.split("\n", allow_blank=True):
        line.expand_tabs(_HANG)
        places, column = [], 0
        for word in _WORD.finditer(line.plain):
            if column and column + cell_len(word[0].rstrip()) > width:
                places.append(word.start())
                column = 0
            column += cell_len(word[0])
        for part in line.divide(places):
            part.rstrip()
            yield part
