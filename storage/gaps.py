"""Which numbers are missing, where producers number their events by `sequence` (ASCII digits, of any size).

CloudEvents scopes a sequence by its source; the contract lets each subject have a counter of its own. Where no number
of a source comes twice, the source is taken to have one counter, else each of its subjects has one. Both are read from
the database in the order of their numbers, so memory is bounded by the number of sources.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, func, select

from domain.json_text import MAX_INTEGER_DIGITS
from domain.statuses import DeadLetterStatus
from storage import tables
from storage.plain import ROWS_AT_ONCE

_EVENTS: Final = tables.events


class By(StrEnum):
    """Whose counter it is."""

    SOURCE = "source"
    SUBJECT = "subject"


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers that are missing, `first` to `last`; `subject` is None where the whole source has one counter."""

    source: str
    subject: str | None
    first: int
    last: int


@dataclass(slots=True)
class Source:
    """The counter, or counters, of one source; `dead_letters` of it are open, and may hold what is missing."""

    source: str
    by: By
    counters: int = 0
    events: int = 0
    repeated: int = 0
    missing: int = 0
    dead_letters: int = 0


@dataclass(slots=True)
class Gaps:
    """All sources that number their events, and the first of the `ranges` of missing numbers."""

    sources: list[Source] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    ranges: int = 0
    missing: int = 0


def find_gaps(
    connection: Connection,
    *,
    by: By | None = None,
    source: str | None = None,
    start: int | None = None,
    most: int = 100,
) -> Gaps:
    """What is missing between the least and the greatest number of each counter, or from `start` on.

    `by` says whose counters they are, where that is known; `source` asks for one source alone; `most` ranges are given
    one by one.
    """
    found = Gaps()
    for whose in By if by is None else (by,):
        rows = _numbers(connection, whose, source, only_such=by is None)
        for name, of_source in groupby(rows, key=lambda row: str(row[0])):
            found.sources.append(_look(found, Source(name, whose), of_source, start, most))
    found.sources.sort(key=lambda one: one.source)
    _count_dead_letters(connection, found.sources)
    return found


def _look(found: Gaps, source: Source, rows: Iterable[Any], start: int | None, most: int) -> Source:
    """Walks the counters of one source, each in the order of its numbers."""
    for subject, of_counter in groupby(rows, key=lambda row: None if source.by is By.SOURCE else str(row[1])):
        source.counters += 1
        last = None if start is None else start - 1
        before = None
        for row in of_counter:
            number = int(row[2] or "0")
            source.events += 1
            source.repeated += number == before
            before = number
            if last is not None and number > last + 1:
                _tell(found, source, Gap(source.source, subject, last + 1, number - 1), most)
            last = number if last is None else max(last, number)
    return source


def _tell(found: Gaps, source: Source, gap: Gap, most: int) -> None:
    missing = gap.last - gap.first + 1
    source.missing += missing
    found.missing += missing
    found.ranges += 1
    if len(found.gaps) < most:
        found.gaps.append(gap)


def _numbers(connection: Connection, by: By, source: str | None, *, only_such: bool) -> Iterator[Any]:
    """Source, subject and digits (without leading zeros) of all numbered events, in the order of the numbers.

    With `only_such`, of those sources alone whose numbers, all together, come once (by source) or not (by subject).
    """
    digits = _digits()
    numbered = _is_number(connection) if source is None else and_(_is_number(connection), _EVENTS.c.source == source)
    statement: Select[Any] = select(_EVENTS.c.source, _EVENTS.c.subject, digits).where(numbered)
    if only_such:
        once = func.count() == func.count(digits.distinct())
        such = select(_EVENTS.c.source).where(numbered).group_by(_EVENTS.c.source)
        statement = statement.where(_EVENTS.c.source.in_(such.having(once if by is By.SOURCE else ~once)))
    counter = [_EVENTS.c.source] if by is By.SOURCE else [_EVENTS.c.source, _EVENTS.c.subject]
    statement = statement.order_by(*counter, func.length(digits), digits)
    options = {"stream_results": True, "yield_per": ROWS_AT_ONCE}
    with connection.execute(statement, execution_options=options) as rows:
        yield from rows


def _digits() -> ColumnElement[Any]:
    return func.ltrim(_EVENTS.c.sequence, "0")


def _is_number(connection: Connection) -> ColumnElement[bool]:
    sequence = _EVENTS.c.sequence
    if connection.dialect.name == "postgresql":
        is_digits: ColumnElement[bool] = sequence.op("~", is_comparison=True)("^[0-9]+$")
    else:
        is_digits = and_(sequence != "", ~sequence.op("GLOB", is_comparison=True)("*[^0-9]*"))
    return and_(is_digits, func.length(sequence) <= MAX_INTEGER_DIGITS)


def _count_dead_letters(connection: Connection, sources: list[Source]) -> None:
    letters = tables.dead_letters
    counted = select(letters.c.source, func.count()).where(letters.c.status == DeadLetterStatus.OPEN.value)
    open_letters = {row[0]: row[1] for row in connection.execute(counted.group_by(letters.c.source))}
    for one in sources:
        one.dead_letters = open_letters.get(one.source, 0)
