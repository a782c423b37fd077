"""The journal's part: texts go, and what is left of an event is its name, without the digest of its meaning."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, bindparam, null, select, tuple_, update

from flowledger.services.erasing.acts import about_holds, holds_of
from flowledger.services.erasing.rows import CLEARED, CONTENT
from flowledger.storage.engines.erased import BLANK
from flowledger.storage.kinds.audit import TABLE as AUDIT
from flowledger.storage.ledger import event_texts
from flowledger.storage.ledger.event_texts import key_of
from flowledger.storage.ledger.journal import TABLE as EVENTS
from flowledger.storage.many import is_one_of
from flowledger.storage.unit_of_work import Storage

AT_ONCE: Final = 200
Name = tuple[str, str]
"""An event's source and id."""
Item = TypeVar("Item")


def names_of(storage: Storage, subjects: Iterable[str]) -> Iterator[Name]:
    """Yield the names of events about these subjects that have a meaning."""
    for subject in subjects:
        rows = select(EVENTS.c.recorded_at, EVENTS.c.source, EVENTS.c.id)
        rows = rows.where(EVENTS.c.subject == subject, EVENTS.c.meaning != BLANK)
        yield from ((row.source, row.id) for row in _paged(storage, rows, EVENTS, "recorded_at", "source", "id"))


def blank(connection: Connection, names: Sequence[Name]) -> int:
    """Delete the texts of these events, and their meanings. Return how many events had one."""
    is_one = is_one_of(connection, (EVENTS.c.source, EVENTS.c.id), names)
    found = select(EVENTS.c.recorded_at, EVENTS.c.meaning).where(is_one, EVENTS.c.meaning != BLANK)
    keys = [key_of(row) for row in connection.execute(found)]
    if keys:
        event_texts.remove(connection, keys)
        connection.execute(update(EVENTS).where(is_one).values(meaning=BLANK))
    return len(keys)


def audit_lines(storage: Storage, subjects: Collection[str]) -> Iterator[list[Name]]:
    """Yield the names of audit lines about these subjects, about what they did, or about holds of them; some at a time.

    Those of a subject are in order of time.
    """
    for rows in CLEARED:
        for subject in subjects:
            yield from lines_that(storage, AUDIT.c[rows.column] == subject, "time")
    yield from lines_that(storage, about_holds(holds_of(subjects)))


def lines_that(storage: Storage, condition: ColumnElement[bool], *order: str) -> Iterator[list[Name]]:
    """Yield the names of audit lines that fulfil a condition, some at a time, in an order."""
    key = (*order, "source", "event_id")
    found = _paged(storage, select(*(AUDIT.c[name] for name in key)).where(condition), AUDIT, *key)
    yield from batched(((line.source, line.event_id) for line in found), AT_ONCE)


def clear(connection: Connection, lines: Sequence[Name]) -> tuple[int, int]:
    """Clear what audit lines say of content, and blank their events. Return how many lines there were, and events."""
    is_one = is_one_of(connection, (AUDIT.c.source, AUDIT.c.event_id), lines)
    cleared = connection.execute(update(AUDIT).where(is_one).values(dict.fromkeys(CONTENT, null()))).rowcount
    return cleared, blank(connection, lines)


def batched(items: Iterable[Item], most: int) -> Iterator[list[Item]]:
    """Yield the items, so many at a time."""
    left = iter(items)
    while some := list(islice(left, most)):
        yield some


def _paged(storage: Storage, rows: Select[Any], table: Table, *order: str) -> Iterator[Row[Any]]:
    """Yield rows in an order that is unique, some at a time, each page in a transaction of its own."""
    place = [table.c[name] for name in order]
    page = rows.order_by(*place).limit(AT_ONCE)
    while True:
        with storage.looking() as connection:
            found = connection.execute(page).all()
        yield from found
        if len(found) < AT_ONCE:
            return
        page = rows.where(tuple_(*place) > tuple_(*_literals(place, found[-1]))).order_by(*place).limit(AT_ONCE)


def _literals(place: Sequence[Any], row: Row[Any]) -> Iterator[Any]:
    return (bindparam(None, row._mapping[column.name], column.type) for column in place)
