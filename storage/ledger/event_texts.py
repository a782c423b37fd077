"""The texts of recorded events, exactly as received (docs/decisions/0054).

They stand in a table of their own: texts go by age, names stay. A text is found by two columns of its event's row in
the journal: `recorded_at`, which says in which partition it is, and `meaning`, which no two events share. A text that
is not found is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import (
    Column,
    Connection,
    LargeBinary,
    Table,
    Text,
    and_,
    exists,
    or_,
    select,
    type_coerce,
)

from flowledger.domain.times import sortable
from flowledger.storage.schema.columns import metadata
from flowledger.storage.schema.partitions import BY_WEEK, partitioned
from flowledger.storage.schema.types import UtcTime

TABLE: Final = partitioned(
    Table(
        "event_texts",
        metadata,
        Column("recorded_at", UtcTime, primary_key=True),
        Column("meaning", LargeBinary, primary_key=True),
        Column("raw", Text, nullable=False),
        **BY_WEEK,
    )
)

COLUMNS: Final = ("recorded_at", "meaning", "raw")

Key = tuple[datetime | str, bytes]
"""`recorded_at`, also in the form of `domain.times.sortable`, and `meaning`."""
Row = TypeVar("Row")

_RECORDED_AT: Final[Any] = type_coerce(TABLE.c.recorded_at, Text())

AT_ONCE: Final = 200
"""Texts in memory at a time: of 1 MiB each they are 200 MiB."""


def key_of(row: Any) -> Key:
    """Return the key of the text of a row of the journal."""
    return row.recorded_at, row.meaning


def texts(connection: Connection, keys: Iterable[Key]) -> dict[bytes, str]:
    """Return the texts of these keys that are there, by `meaning`."""
    return {row.meaning: row.raw for row in _rows(connection, keys, TABLE.c.meaning, TABLE.c.raw)}


def present(connection: Connection, keys: Iterable[Key]) -> set[bytes]:
    """Return the `meaning` of those of these keys whose texts are there."""
    return {row.meaning for row in _rows(connection, keys, TABLE.c.meaning)}


def _rows(connection: Connection, keys: Iterable[Key], *columns: Column[Any]) -> Iterator[Any]:
    """Yield the rows of these keys.

    A query is about one week, its keys are constants, and those of one batch stand together: then PostgreSQL opens one
    partition, and plans few conditions.
    """
    weeks: dict[str, dict[str, list[bytes]]] = {}
    for at, meaning in keys:
        moment = sortable(at) if isinstance(at, datetime) else at
        weeks.setdefault(_week(moment), {}).setdefault(moment, []).append(meaning)
    for moments in weeks.values():
        of_batches = (and_(moment == _RECORDED_AT, TABLE.c.meaning.in_(some)) for moment, some in moments.items())
        yield from connection.execute(select(*columns).where(or_(*of_batches)))


def _week(moment: str) -> str:
    """Return what is the same for moments of one week; an odd moment, written by hand, is by itself."""
    try:
        day = date.fromisoformat(moment[:10])
        return str(day - timedelta(days=day.weekday()))
    except (ValueError, OverflowError):
        return moment


def nameless(connection: Connection) -> Iterator[tuple[str, str]]:
    """Yield the keys of texts of which the journal has no event, as text. It reads both tables whole."""
    events = metadata.tables["events"]  # by name: its file imports this one
    same = (events.c.recorded_at == TABLE.c.recorded_at) & (events.c.meaning == TABLE.c.meaning)
    statement = select(TABLE.c.recorded_at, TABLE.c.meaning).where(~exists().where(same))
    with connection.execute(statement, execution_options={"stream_results": True, "yield_per": AT_ONCE}) as rows:
        for row in rows:
            yield sortable(row.recorded_at), row.meaning.hex()


def with_texts(
    connection: Connection, rows: Iterable[Row], key: Callable[[Row], Key] = key_of
) -> Iterator[tuple[Row, str | None]]:
    """Yield rows of the journal, each with its text, or None if that is gone; read some at a time."""
    left = iter(rows)
    while some := list(islice(left, AT_ONCE)):
        found = texts(connection, {key(row) for row in some})
        for row in some:
            yield row, found.get(key(row)[1])
