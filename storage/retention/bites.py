"""Rows that are events go one by one on SQLite: the oldest first, some in a transaction, held ones left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    Text,
    bindparam,
    delete,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    type_coerce,
)

from flowledger.domain.times import sortable
from flowledger.storage.ledger.event_texts import TABLE as TEXTS
from flowledger.storage.ledger.journal import TABLE as EVENTS
from flowledger.storage.retention.gone import Gone
from flowledger.storage.retention.holds import HELD
from flowledger.storage.schema.partitions import subjects_of
from flowledger.storage.transactions import changing
from flowledger.storage.unit_of_work import Storage

_ROWID: Final[ColumnElement[int]] = literal_column("rowid")


def delete_old_rows(
    storage: Storage, table: Table, before: datetime, *, most: int, go_on: Callable[[], bool], place: Any = None
) -> Gone:
    """Delete rows that were recorded before this time, at most `most` in a transaction; see `weeks.let_go`.

    Held rows are read once: each bite begins where the one before it ended, the first one at the `place`.
    """
    gone, until = Gone(), sortable(before)
    after: tuple[str, int] = ("", 0) if place is None else (place[0], place[1])
    while True:
        if not go_on():
            return gone._replace(is_done=False, place=[*after])
        with changing(storage) as connection:
            rows = _oldest(connection, table, after, until, most)
            held = _held(connection, table, rows)
            wanted = [row.rowid for row in rows if row.rowid not in held]
            if wanted:
                connection.execute(delete(table).where(bindparam("one") == _ROWID), [{"one": one} for one in wanted])
        gone = gone._replace(rows=gone.rows + len(wanted), kept=gone.kept + len(held))
        if len(rows) < most:
            return gone
        after = (rows[-1].recorded_at, rows[-1].rowid)


def _oldest(connection: Connection, table: Table, after: tuple[str, int], until: str, most: int) -> Sequence[Any]:
    recorded_at = type_coerce(table.c.recorded_at, Text())
    place = tuple_(*map(literal, after))
    rows = select(recorded_at.label("recorded_at"), _ROWID).select_from(table)
    rows = rows.where(recorded_at < until, tuple_(recorded_at, _ROWID) > place)
    return connection.execute(rows.order_by(recorded_at, _ROWID).limit(most)).all()


def _held(connection: Connection, table: Table, rows: Sequence[Any]) -> set[int]:
    """Return the numbers of those rows whose subjects are held."""
    if not rows:
        return set()
    subjects = select(HELD.c.subject)
    among = _ROWID.in_([row.rowid for row in rows])
    if table is not TEXTS:
        is_held = or_(*(table.c[name].in_(subjects) for name in subjects_of(table)))
        return set(connection.execute(select(_ROWID).select_from(table).where(among, is_held)).scalars())
    since = type_coerce(EVENTS.c.recorded_at, Text())
    of_bite = select(EVENTS.c.meaning).where(since.between(rows[0].recorded_at, rows[-1].recorded_at))
    meanings = set(connection.execute(of_bite.where(EVENTS.c.subject.in_(subjects))).scalars())
    read = select(_ROWID, TEXTS.c.meaning).where(among) if meanings else None
    return set() if read is None else {row.rowid for row in connection.execute(read) if row.meaning in meanings}
