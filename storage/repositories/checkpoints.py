"""Checkpoints: for each shard's stream, the last entry recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flowledger.storage import tables
from flowledger.storage.repositories.base import Repository

_TABLE = tables.checkpoints


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The last entry of a stream that was recorded; a stream that ends before it has lost entries."""

    stream: str
    entry_id: str
    recorded_at: datetime
    batches: int


class CheckpointRepository(Repository[Checkpoint]):
    table = _TABLE
    record = Checkpoint

    def get(self, stream: str) -> Checkpoint | None:
        return self._one(self._select().where(_TABLE.c.stream == stream))

    def all(self) -> list[Checkpoint]:
        """Of all streams, in order."""
        return [self._record(row) for row in self.connection.execute(self._select().order_by(_TABLE.c.stream))]

    def latest(self) -> Checkpoint | None:
        """Of all streams, the one that was recorded last."""
        return self._one(self._select().order_by(_TABLE.c.recorded_at.desc(), _TABLE.c.stream).limit(1))
