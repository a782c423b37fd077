"""What must hold at the end of the simulated year: each returns the words of what does not, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import func, select

from flowledger import Storage
from flowledger.storage import tables
from flowledger.storage.retention import departed
from flowledger.workers.verify import verify
from tests.year.life import EVENTS_EACH, Execution
from tests.year.recording import BEGIN, Days, record_at
from tests.year.simulation import DAYS, KEEPING, Year

_WEEK: Final = 7
_NOT_OF_IT: Final = 1
"""Events of an execution's life that are about something else: a point of a metric."""


def broken(storage: Storage, year: Year, per_day: int, *, at_once: int = 1) -> Iterator[str]:
    """Yield what does not hold, of a year that was simulated so many days `at_once`."""
    if year.recorded.dead:
        yield f"{year.recorded.dead} dead letters"
    yield from _counts(storage, year)
    yield from _executions(storage, per_day, at_once)
    yield from _texts(storage, per_day)
    yield from _again(storage, per_day, at_once)
    report = verify(storage)
    if not report.is_well:
        yield f"verify: {report.differences} differences: {report.first[:3]}"


def _counts(storage: Storage, year: Year) -> Iterator[str]:
    with storage.reading() as connection:
        known = _count(connection, tables.events)
        gone = sum(departed.read(connection, tables.events).values())
    if known + gone != year.recorded.recorded:
        yield f"{known} names and {gone} that are gone are not the {year.recorded.recorded} events recorded"


def _executions(storage: Storage, per_day: int, at_once: int) -> Iterator[str]:
    """Each execution is there if it is held or young enough, and gone if it is old, but for one that came late.

    One that has ended waits for the week of its log lines.
    """
    assert KEEPING.rows is not None
    assert KEEPING.unfinished is not None
    with storage.reading() as connection:
        there = set(connection.execute(select(tables.executions.c.id)).scalars())
    for number in range(DAYS * per_day):
        one, age = Execution(number), DAYS - 1 - number // per_day
        kept_days = KEEPING.rows if one.ends else KEEPING.unfinished
        if one.is_held or age < kept_days - 1:
            if one.id not in there:
                yield f"{one.id}, {age} days old, is gone"
        elif age > kept_days + (_WEEK if one.ends else 0) + at_once and one.id in there and not one.is_late:
            yield f"{one.id}, {age} days old, is still there"


def _texts(storage: Storage, per_day: int) -> Iterator[str]:
    """Texts are there of a month, and of all that is held."""
    assert KEEPING.texts is not None
    before = BEGIN + timedelta(days=DAYS - KEEPING.texts - _WEEK - 2)
    events, texts = tables.events.c, tables.event_texts.c
    of_held = events.subject.in_(select(tables.held.c.subject))
    with storage.reading() as connection:
        kept = _count(connection, tables.event_texts, texts.recorded_at < before)
        old = _count(connection, tables.events, of_held, events.recorded_at < before)
        held = _count(connection, tables.events, of_held)
    if kept != old or not kept:
        yield f"{kept} old texts are there, of {old} events that are held"
    least = (EVENTS_EACH - _NOT_OF_IT) * sum(Execution(number).is_held for number in range(DAYS * per_day))
    if held < least:
        yield f"{held} events are left about what is held, and should be {least} at the least"


def _again(storage: Storage, per_day: int, at_once: int) -> Iterator[str]:
    """An event that comes again is repeated while its name is known, and a dead letter behind the horizon."""
    end = BEGIN + timedelta(days=DAYS)
    for age, expected in ((60, "repeated"), (DAYS - 5, "dead")):
        number = (DAYS - 1 - age) // at_once * at_once
        days = Days(number, 1, number * per_day, number * per_day + 2)
        events = Execution(days.first + 1).events(days.begins)
        outcome = record_at(storage, events, end)
        if getattr(outcome, expected) != len(events) or outcome.recorded:
            yield f"events of {age} days ago, again: {outcome}, and all should be {expected}"


def _count(connection: Any, table: Any, *where: Any) -> int:
    return int(connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one())
