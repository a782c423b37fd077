"""Recording an event in a transaction that does something else as well: an act and its audit line, or neither."""

from __future__ import annotations

import sqlite3
from typing import Any, Final

import psycopg2
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from flowledger.domain.envelope import Envelope, parse
from flowledger.domain.limits import RANGES, Limits
from flowledger.domain.times import now, sortable
from flowledger.storage.engines import postgresql, sqlite
from flowledger.storage.engines.engine import as_unavailable
from flowledger.storage.engines.pipeline import Transaction
from flowledger.storage.kinds import conditions_of, transaction_of
from flowledger.storage.schema.partitions import is_missing, make_partitions

_LIMITS: Final = Limits(max_id_bytes=RANGES["max_id_bytes"].highest)
"""Ids may be as long as any worker may be set to accept: a subject can be a name of 255 characters."""


def record(connection: Connection, event: Envelope, shard: int = 0) -> bool:
    """Record an event in the open transaction of `connection`, by the same writes as a worker.

    Return False, with nothing written, if an event of its source and id is recorded already. `shard` is only what the
    journal's column `partition` says: the event comes through no stream. Raises Refused if the event breaks the
    contract, DatabaseUnavailable if the database fails; then the transaction must be rolled back.
    """
    parsed = parse(event.to_json().encode(), _LIMITS)
    recorded_at = sortable(now())
    transaction = transaction_of(parsed, shard, recorded_at, conditions_of(parsed))
    driver: Any = connection.connection.driver_connection
    try:
        if connection.dialect.name == "postgresql":
            return _on_postgresql(connection, transaction, recorded_at)
        return sqlite.write_within(driver, transaction)
    except (psycopg2.Error, sqlite3.Error, DBAPIError) as error:
        raise as_unavailable(error, "an event could not be recorded: ") from error


def _on_postgresql(connection: Connection, transaction: Transaction, recorded_at: str) -> bool:
    """Do the writes; a missing partition is made in the same transaction."""
    try:
        with connection.begin_nested():
            return postgresql.write_within(connection, transaction)
    except psycopg2.Error as error:
        if not is_missing(error):
            raise
    make_partitions(connection, recorded_at)
    return postgresql.write_within(connection, transaction)
