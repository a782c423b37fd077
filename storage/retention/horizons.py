"""Horizons: up to which time what was recorded may be gone (docs/contract/retention.md).

They only move forward, and are committed before anything goes. Who compares the journal with the tables reads them, and
who records reads that of names: an unknown event whose `time` is before it may have been recorded, and is refused.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Table, Text

from flowledger.domain.keeping import KEPT
from flowledger.storage.schema.columns import metadata, one_of
from flowledger.storage.schema.types import UtcTime

TABLE: Final = Table(
    "horizons",
    metadata,
    *one_of("what", "kept", Text(), KEPT, primary_key=True),
    Column("horizon", UtcTime, nullable=False),
    Column("moved_at", UtcTime, nullable=False),
)
"""At most a row for each of `domain.keeping.KEPT`."""
