"""Drains of the past go, the oldest first; their sums stay, so that counters and histograms do not fall."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, select

from flowledger.domain.measures import Measures
from flowledger.storage.ledger.drains import TABLE
from flowledger.storage.ledger.marks import is_not_last
from flowledger.storage.ledger.totals import OUTCOMES
from flowledger.storage.retention import departed
from flowledger.storage.retention.gone import Gone
from flowledger.storage.transactions import biting
from flowledger.storage.unit_of_work import Storage

_AT_ONCE: Final = 100


def let_go(storage: Storage, before: datetime, *, go_on: Callable[[], bool] = lambda: True) -> Gone:
    """Delete the drains that ended before this time. `go_on` is asked after each transaction."""
    gone = Gone()
    while True:
        with storage.reading() as connection:
            if not _oldest(connection, before):
                return gone
        with biting(storage) as connection:
            departed.change(connection, TABLE, lambda sums: sums)  # one at a time
            rows = _oldest(connection, before)
            if rows:
                departed.change(connection, TABLE, partial(_with, rows))
                connection.execute(delete(TABLE).where(TABLE.c.id.in_([row.id for row in rows])))
        gone = gone._replace(rows=gone.rows + len(rows))
        if len(rows) < _AT_ONCE:
            return gone
        if not go_on():
            return gone._replace(is_done=False)


def are_old(storage: Storage, before: datetime) -> bool:
    """Return whether a drain ended before this time."""
    with storage.reading() as connection:
        return bool(_oldest(connection, before))


def _oldest(connection: Connection, before: datetime) -> Sequence[Row[Any]]:
    columns = (TABLE.c.id, TABLE.c.measures, *(TABLE.c[name] for name in OUTCOMES))
    old = select(*columns).where(TABLE.c.ended_at < before, is_not_last(TABLE, connection.dialect.name))
    old = old.order_by(TABLE.c.ended_at, TABLE.c.id).limit(_AT_ONCE)
    return connection.execute(old).all()


def _with(rows: Sequence[Row[Any]], sums: dict[str, Any]) -> dict[str, Any]:
    measures = Measures()
    measures.add_json(sums.get("measures", {}))
    for row in rows:
        measures.add_json(row.measures)
    counts = {name: sums.get(name, 0) + sum(row._mapping[name] for row in rows) for name in OUTCOMES}
    return {**counts, "measures": measures.to_json()}
