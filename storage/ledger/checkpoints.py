"""Checkpoints: for each shard's stream, the last entry recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import BigInteger, Column, Table, Text

from flowledger.storage.repository import Repository
from flowledger.storage.schema.columns import metadata
from flowledger.storage.schema.types import UtcTime

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
    table = TABLE
    record = Checkpoint

    def get(self, stream: str) -> Checkpoint | None:
        return self._one(self._select().where(TABLE.c.stream == stream))

    def all(self) -> list[Checkpoint]:
        """Return the checkpoints of all streams, in order of their names."""
        return [self._record(row) for row in self.connection.execute(self._select().order_by(TABLE.c.stream))]

    def latest(self) -> Checkpoint | None:
        """Return the checkpoint that was recorded last; None if there is none."""
        return self._one(self._select().order_by(TABLE.c.recorded_at.desc(), TABLE.c.stream).limit(1))
