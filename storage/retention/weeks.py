"""Weeks of rows that are events go: texts, log lines, points of metrics, audit lines (docs/decisions/0058).

On PostgreSQL a week is a partition, and goes as a whole; rows about held subjects move into a new partition that takes
its place. On SQLite rows go one by one, in bites.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Table, exists, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from flowledger.domain.errors import InvalidArgument
from flowledger.storage.engines.engine import as_unavailable, words
from flowledger.storage.engines.patience import AnswerTimeout
from flowledger.storage.retention.bites import delete_old_rows
from flowledger.storage.retention.gone import Gone
from flowledger.storage.retention.rounds import COMMAND
from flowledger.storage.schema.partitions import DAYS, Week, is_partitioned, make_partitions, monday_of, weeks
from flowledger.storage.unit_of_work import Storage

__all__ = ["Gone", "Week", "let_go", "weeks"]

_WEEK: Final = timedelta(days=DAYS)
_TRIES: Final = 5
_PAUSE_SECONDS: Final = 0.2
_REST_SECONDS: Final = 0.05
"""After a week that went: who waited for its lock records before the next one goes."""
_LOCKED: Final = ("55P03", "40P01")
"""SQLSTATE: others held a lock for too long; a deadlock."""


_HOLDERS: Final = text("""
    SELECT a.pid, a.usename, nullif(a.application_name, '') AS name
    FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE l.granted AND l.pid <> pg_backend_pid()
        AND l.relation IN (to_regclass(:part), to_regclass(:parent))
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ORDER BY l.relation = to_regclass(:part) DESC, a.xact_start, a.pid
    LIMIT 1
""")
"""Who holds a lock on a partition, or on its parent if that is given; one that began first."""

_LET_GO: Final = text("SELECT * FROM ledger_let_go(:parent, CAST(:monday AS timestamptz))")


def let_go(
    storage: Storage,
    table: Table,
    before: datetime,
    *,
    most: int,
    go_on: Callable[[], bool] = lambda: True,
    place: Any = None,
) -> Gone:
    """Delete the rows of a table that were recorded before this time, but for those about held subjects.

    On PostgreSQL the partitions that end by then go, each in a transaction of its own, and detached ones are dropped or
    attached again. On SQLite at most `most` rows are deleted in a transaction. `go_on` is asked between transactions:
    if it ends this, the result has the `place` where the next call goes on. May be called by many at once. Raises
    DatabaseUnavailable, and InvalidArgument for a table that has no weeks.
    """
    if not is_partitioned(table):
        raise InvalidArgument(f"{table.name} has no weeks that could go")
    if storage.engine.dialect.name != "postgresql":
        return delete_old_rows(storage, table, before, most=most, go_on=go_on, place=place)
    gone = Gone()
    with storage.reading() as connection:
        found = weeks(connection, table)
    since = None if place is None else datetime.fromisoformat(place)
    for week in found:
        if since is not None and week.monday < since:
            continue
        if week.monday + _WEEK <= before.astimezone(UTC):
            if not go_on():
                return gone._replace(is_done=False, place=week.monday.isoformat())
            tries = _TRIES if gone.waited is None else 1  # who reads one week mostly reads all
            of_week = _let_week_go(storage, table, week, tries)
            gone = _with_week(gone, of_week)
            if of_week.weeks:
                time.sleep(_REST_SECONDS)
        elif week.is_detached:
            with storage.writing() as connection:
                make_partitions(connection, week.monday)
    return gone


def are_old(storage: Storage, table: Table, before: datetime, since: datetime | None) -> bool:
    """Return whether a row is there in a week that ended by `before`, and not by `since`: that was looked at then."""
    end = monday_of(before)
    is_old = [table.c.recorded_at < end]
    if since is not None:
        is_old.append(table.c.recorded_at >= monday_of(since))
    with storage.reading() as connection:
        return bool(connection.execute(select(exists().where(*is_old))).scalar_one())


def _with_week(gone: Gone, of_week: Gone) -> Gone:
    """Return the sum; a lock that was held is told once, by the first week."""
    return Gone(
        gone.weeks + of_week.weeks,
        gone.rows + of_week.rows,
        gone.kept + of_week.kept,
        gone.is_done and of_week.is_done,
        gone.waited or of_week.waited,
    )


def _let_week_go(storage: Storage, table: Table, week: Week, tries: int) -> Gone:
    """Let one partition go, or tell who holds a lock on it. Most hold one for a moment only: try a few times."""
    part = f"{table.name}_{week.monday:%Y%m%d}"
    holder: str | None = None
    for attempt in range(tries):
        if attempt:
            time.sleep(_PAUSE_SECONDS)
        # Who reads the partition is waited for here, where no recorder waits behind.
        if (holder := _holder(storage, part)) is not None:
            continue
        try:
            with storage.engine.connect() as connection:
                connection.execution_options(isolation_level="READ COMMITTED")
                with connection.begin():
                    row = connection.execute(_LET_GO, {"parent": table.name, "monday": week.monday}).one()
        except DBAPIError as error:
            if isinstance(error.orig, AnswerTimeout):  # a week with many held rows; other weeks, and steps, go on
                return Gone(is_done=False, waited=f"{part}: {words(error)}: {COMMAND} waits for longer")
            if getattr(error.orig, "pgcode", None) not in _LOCKED:
                raise as_unavailable(error) from error
            holder = _holder(storage, part, table.name)
            continue
        except PoolTimeout as error:
            raise as_unavailable(error) from error
        return Gone(int(row.is_gone), row.gone, row.kept)
    return Gone(is_done=False, waited=f"{part}: {holder or 'holds were being changed, or partitions made'}")


def _holder(storage: Storage, part: str, parent: str | None = None) -> str | None:
    """Return which session holds a lock on the partition, or on its parent; None if there is none."""
    with storage.reading() as connection:
        row = connection.execute(_HOLDERS, {"part": part, "parent": parent}).one_or_none()
    if row is None:
        return None
    named = row.usename if row.name is None else f"{row.usename}, {row.name}"
    return f"a transaction of process {row.pid} ({named}) holds a lock"
