"""Missing numbers of producers that number their events by `sequence` (ASCII digits, 4,000 at most).

CloudEvents scopes a sequence by its source. The contract lets the events of a subject have a counter of their own.
Platforms that record a run count all events in it. The numbers show the scope of a counter: it is the widest of source,
execution and subject in which no number belongs to two subjects. (One subject may have a number twice: one record of a
platform about a begin is a `created` and a `started`.) Numbers behind an event that is before the horizon of names are
not missing: their names may be gone. Nor are those behind one that is before the horizon of rows, if the counter is not
the source's: the rows that said to which execution they belong may be gone. All is read from the database in the order
of the numbers, so memory is bounded by the number of sources.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, FromClause, Select, and_, func, not_, null, select

from flowledger.domain.statuses import DeadLetterStatus
from flowledger.storage.kinds import messages, tasks
from flowledger.storage.ledger import dead_letters
from flowledger.storage.ledger.journal import TABLE as EVENTS
from flowledger.storage.replay.plain import ROWS_AT_ONCE
from flowledger.storage.retention import departed, horizons

_MAX_DIGITS: Final = 4_000
"""Python writes integers of up to 4,300 digits; sums of missing numbers must stay below."""


class By(StrEnum):
    """The scope of a counter; an execution's includes its nodes, tasks and messages."""

    SOURCE = "source"
    EXECUTION = "execution"
    SUBJECT = "subject"


@dataclass(frozen=True, slots=True)
class Gap:
    """Missing numbers, `first` to `last`; `counter` is the id of the counter's owner, None if it is the source."""

    source: str
    counter: str | None
    first: int
    last: int


@dataclass(slots=True)
class Source:
    """The counter, or counters, of one source; its open `dead_letters` may hold missing events."""

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
    unknown: int = 0
    """Numbers that are not there, and whose names may be gone, or stand elsewhere, since rows may be gone."""


def find_gaps(
    connection: Connection,
    *,
    by: By | None = None,
    source: str | None = None,
    start: int | None = None,
    most: int = 100,
) -> Gaps:
    """Return the numbers missing between the least and the greatest of each counter, or from `start` on.

    `by` is the scope of the counters, if it is known; `source` limits the search to one source; the first `most` ranges
    are listed.
    """
    found = Gaps()
    stand = horizons.read(connection)
    names = stand.get("names") if departed.read(connection, EVENTS) else None
    of_rows = max((stand[what] for what in ("rows", "unfinished") if what in stand), default=None)
    for whose in By if by is None else (by,):
        rows = _numbers(connection, whose, source, only_such=by is None)
        span = _Span(start, names, None if whose is By.SOURCE else of_rows)
        for name, of_source in groupby(rows, key=lambda row: str(row.source)):
            found.sources.append(_look(found, Source(name, whose), of_source, span, most))
    found.sources.sort(key=lambda one: (-one.missing, one.source))
    _count_dead_letters(connection, found.sources)
    return found


class _Span(NamedTuple):
    """The first number of each counter, if it is known, and the times before which names, and rows, may be gone."""

    start: int | None
    names: datetime | None
    rows: datetime | None

    def is_judged_after(self, row: Any) -> bool:
        """Return whether the numbers behind that of this row must be there."""
        return (self.names is None or row.at >= self.names) and (self.rows is None or row.recorded_at >= self.rows)


def _look(found: Gaps, source: Source, rows: Iterable[Any], span: _Span, most: int) -> Source:
    """Walk the counters of one source, each in the order of its numbers. Return `source` with the counts."""
    for counter, of_counter in groupby(rows, key=lambda row: row.counter):
        source.counters += 1
        last = None if span.start is None else span.start - 1
        before = None
        for row in of_counter:
            number = int(row.digits or "0")
            source.events += 1
            source.repeated += number == before
            if before is None:
                is_judged = span.names is None and span.is_judged_after(row)
            before = number
            if last is not None and number > last + 1:
                if is_judged:
                    _tell(found, source, Gap(source.source, counter, last + 1, number - 1), most)
                else:
                    found.unknown += number - last - 1
            is_judged = span.is_judged_after(row)
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
    """Yield source, counter and digits (without leading zeros) of all numbered events, in the order of the numbers.

    With `only_such`, only of sources whose numbers show this scope.
    """
    numbered = _numbered(connection, source, by)
    if only_such:
        numbered = numbered.where(_is_such(connection, source, by))
    rows = numbered.subquery()
    whose = () if by is By.SOURCE else (rows.c.counter,)
    counter = (null() if by is By.SOURCE else rows.c.counter).label("counter")
    statement = select(rows.c.source, counter, rows.c.digits, rows.c.at, rows.c.recorded_at)
    statement = statement.order_by(rows.c.source, *whose, func.length(rows.c.digits), rows.c.digits)
    options = {"stream_results": True, "yield_per": ROWS_AT_ONCE}
    with connection.execute(statement, execution_options=options) as found:
        yield from found


def _numbered(connection: Connection, source: str | None, by: By) -> Select[Any]:
    """Return the select of numbered events, each with the id of the possible owner of its counter."""
    counter: ColumnElement[Any] = EVENTS.c.subject
    joined: FromClause = EVENTS
    if by is By.EXECUTION:
        for kind, table in (("task.%", tasks.TABLE), ("message.%", messages.TABLE)):
            joined = joined.outerjoin(table, and_(EVENTS.c.type.like(kind), table.c.id == EVENTS.c.subject))
        counter = func.coalesce(tasks.TABLE.c.execution_id, messages.TABLE.c.execution_id, counter)
    digits = func.ltrim(EVENTS.c.sequence, "0").label("digits")
    at = func.coalesce(EVENTS.c.time, EVENTS.c.recorded_at).label("at")
    columns = (EVENTS.c.source, EVENTS.c.subject, counter.label("counter"), digits, at, EVENTS.c.recorded_at)
    statement = select(*columns).select_from(joined).where(_is_number(connection))
    return statement if source is None else statement.where(EVENTS.c.source == source)


def _is_such(connection: Connection, source: str | None, by: By) -> ColumnElement[bool]:
    """Return the condition that `by` is the widest scope in which no number belongs to two subjects."""

    def shared(whose: By) -> Select[Any]:
        """Return the sources in which a number does."""
        rows = _numbered(connection, source, whose).subquery()
        counter = [rows.c.source] if whose is By.SOURCE else [rows.c.source, rows.c.counter]
        several = func.min(rows.c.subject) != func.max(rows.c.subject)
        return select(rows.c.source).group_by(*counter, rows.c.digits).having(several)

    by_source = EVENTS.c.source.not_in(shared(By.SOURCE))
    if by is By.SOURCE:
        return by_source
    rows = _numbered(connection, source, By.EXECUTION).subquery()
    belong = select(rows.c.source).where(rows.c.counter != rows.c.subject)
    by_execution = and_(EVENTS.c.source.in_(belong), EVENTS.c.source.not_in(shared(By.EXECUTION)))
    return and_(not_(by_source), by_execution if by is By.EXECUTION else not_(by_execution))


def _is_number(connection: Connection) -> ColumnElement[bool]:
    sequence = EVENTS.c.sequence
    if connection.dialect.name == "postgresql":
        is_digits: ColumnElement[bool] = sequence.op("~", is_comparison=True)("^[0-9]+$")
    else:
        is_digits = and_(sequence != "", ~sequence.op("GLOB", is_comparison=True)("*[^0-9]*"))
    return and_(is_digits, func.length(sequence) <= _MAX_DIGITS)


def _count_dead_letters(connection: Connection, sources: list[Source]) -> None:
    letters = dead_letters.TABLE
    counted = select(letters.c.source, func.count()).where(letters.c.status == DeadLetterStatus.OPEN.value)
    open_letters = {row[0]: row[1] for row in connection.execute(counted.group_by(letters.c.source))}
    for one in sources:
        one.dead_letters = open_letters.get(one.source, 0)
