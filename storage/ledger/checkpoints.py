"""Checkpoints: for each shard's stream, the last entry recorded."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import BigInteger, Column, Table, Text, delete

from flowledger.storage.repository import Repository
from flowledger.storage.schema.columns import metadata
from flowledger.storage.schema.types import UtcTime

IMPORT: Final = "import:"
"""How the name of an import's checkpoint begins."""

TABLE: Final = Table(
    "checkpoints",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("entry_id", Text, nullable=False),
    Column("recorded_at", UtcTime, nullable=False),
    # Counts batches: if a number that the broker knows comes again, the database went back.
    Column("batches", BigInteger, nullable=False, server_default="1"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The last recorded entry of a stream; a stream that ends before it has lost entries."""

    stream: str
    entry_id: str
    recorded_at: datetime
    batches: int


class CheckpointRepository(Repository[Checkpoint]):
    """The checkpoints of streams. How far imports have come is here as well, under names that no stream has."""

    table = TABLE
    record = Checkpoint

    def get(self, stream: str) -> Checkpoint | None:
        return self._one(self._select().where(TABLE.c.stream == stream))

    def all(self) -> list[Checkpoint]:
        """Return the checkpoints of all streams, in order of their names, without those of imports."""
        statement = self._select().where(~TABLE.c.stream.startswith(IMPORT)).order_by(TABLE.c.stream)
        return [self._record(row) for row in self.connection.execute(statement)]

    def forget(self, names: Collection[str]) -> None:
        """Delete the checkpoints of imports that have ended."""
        self.connection.execute(delete(TABLE).where(TABLE.c.stream.in_(names)))
