"""What was erased: that it was, by whom, when and why. Nothing else of it stays (docs/contract/erase.md)."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, Table, Text

from flowledger.storage.schema.columns import metadata
from flowledger.storage.schema.types import Name, UtcTime

TABLE: Final = Table(
    "erasures",
    metadata,
    Column("subject", Name, primary_key=True),
    Column("erased_with", Name),
    Column("why", Text, nullable=False),
    Column("erased_by", Text, nullable=False),
    Column("erased_at", UtcTime, nullable=False),
    Column("done_at", UtcTime),
    Index("ix_erasures_erased_with", "erased_with"),
)
"""A row for each subject; `erased_with` is the one that was asked for, if this one went with it.

It is committed before anything of the subject goes. `done_at` is null until all of it is gone.
"""
