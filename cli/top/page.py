"""The screen of `flowledger top`: so many columns and rows, whatever they are; the most important lines stay."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Final

from rich.text import Text

from flowledger.cli.top import parts
from flowledger.cli.top.parts import Part
from flowledger.cli.top.seen import Seen

_TWO_COLUMNS: Final = 120
_BETWEEN: Final = 2
_ALARMS: Final = 3
"""Lines of alarms, unless there are many rows."""


def page(seen: Seen, width: int, height: int, *, only_letters: bool = False) -> list[Text]:
    """Return at most `height` lines, none wider than `width`."""
    top = [parts.head(seen, width), *_some(parts.alarms(seen), max(_ALARMS, height // 4))]
    if not only_letters:
        top += parts.rates(seen, width)
    top.append(Text())
    room = height - len(top)
    if only_letters:
        body = _stacked([parts.letters(seen.database, seen.at, room)] if seen.database else [], room)
    elif width >= _TWO_COLUMNS:
        body = _beside(*_columns(seen), width, room)
    else:
        left, right = _columns(seen)
        body = _stacked([*left[:1], *right, *left[1:]], room)
    return [_cut(line, width) for line in (*top, *body)][: max(height, 1)]


def _columns(seen: Seen) -> tuple[list[Part], list[Part]]:
    left: list[Part] = []
    right: list[Part] = []
    if seen.redis is not None:
        left += _told(seen, "Redis", parts.backlog(seen.redis), parts.workers(seen.redis))
    if seen.database is not None:
        left += _told(seen, "the database", parts.post(seen.database, seen.redis))
        right += _told(seen, "the database", parts.by_type(seen.database), parts.letters(seen.database, seen.at))
    found = parts.findings(seen)
    return [*left, *([found] if found is not None else [])], right


def _told(seen: Seen, server: str, *some: Part) -> Sequence[Part]:
    """Return the parts that a server has told, marked as old if it does not answer any more."""
    if server in seen.away:
        for part in some:
            part.title.append("  old", style="yellow")
    return some


def _stacked(some: Sequence[Part], room: int) -> list[Text]:
    """Return the parts one below the other: each its least lines, then what is left to each in turn."""
    given = [0] * len(some)
    for place, part in enumerate(some):
        if room > 1:
            given[place] = min(part.least, len(part.lines), room - 1)
            room -= given[place] + 1
    while room > 0:
        wanting = [place for place, part in enumerate(some) if 0 < given[place] < len(part.lines)]
        if not wanting:
            break
        for place in wanting[:room]:
            given[place] += 1
        room -= len(wanting[:room])
    lines: list[Text] = []
    for part, count in zip(some, given, strict=True):
        if count:
            airy = bool(lines) and room >= len(some)
            lines += [*([Text()] if airy else []), part.title, *part.fitting(count)]
    return lines


def _beside(left: Sequence[Part], right: Sequence[Part], width: int, room: int) -> list[Text]:
    half = (width - _BETWEEN) // 2
    lines = []
    for one, other in zip_longest(_stacked(left, room), _stacked(right, room), fillvalue=Text()):
        line = _cut(one, half)
        line.append(" " * (half + _BETWEEN - line.cell_len))
        lines.append(line.append_text(_cut(other, width - half - _BETWEEN)))
    return lines


def _some(lines: list[Text], most: int) -> list[Text]:
    """Return the first lines; the last one says how many more there are."""
    if len(lines) <= most:
        return lines
    return [*lines[: most - 1], Text(f"   and {len(lines) - most + 1:,} more", style="dim")]


def _cut(line: Text, width: int) -> Text:
    line = line.copy()
    line.truncate(width, overflow="ellipsis")
    return line
