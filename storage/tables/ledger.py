"""The ledger itself: its name, and the broker whose events it records (docs/decisions/0033)."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, Table, Text

from flowledger.storage.tables.columns import metadata
from flowledger.storage.tables.types import UtcTime

ledger: Final = Table(
    "ledger",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False, server_default="1"),
    Column("id", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    # What the broker holds in `ledger:broker`, and what it held before a change that may not have come to its end.
    Column("broker", Text),
    Column("former", Text),
    # Where the broker was when it was served last: its process, and the number of its database.
    Column("place", Text),
    Column("beats", BigInteger, nullable=False, server_default="0"),
    Column("seen_at", UtcTime),
    Column("alarm", Text),
    Column("alarm_at", UtcTime),
    CheckConstraint("one = 1", name="one"),
)
"""One row, made by the migration: a copy of the database is a copy of this ledger."""
