"""How many events are gone by name, by type: counters begin with them, and never fall (docs/decisions/0050)."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Table

from flowledger.storage.schema.columns import metadata
from flowledger.storage.schema.types import Name

TABLE: Final = Table(
    "departed",
    metadata,
    Column("type", Name, primary_key=True),
    Column("count", BigInteger, nullable=False),
)
"""Changed in the transaction that deletes the names."""
