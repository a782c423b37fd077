"""Checkpoints: for each shard's stream, the last entry recorded."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Table, Text, update
from sqlalchemy.dialects import postgresql, sqlite

from flowledger.storage.repository import Repository
from flowledger.storage.schema.columns import metadata
from flowledger.storage.schema.types import UtcTime

IMPORT: Final = "import:"
"""How the name of an import's checkpoint begins."""
NAMES: Final = "retention:names"
"""The name of the checkpoint of the walk over old names (`storage.retention.names`)."""

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
    """The checkpoints of streams. How far imports and the walk over old names have come is here as well, under names
    that no stream has."""

    table = TABLE
    record = Checkpoint

    def get(self, stream: str) -> Checkpoint | None:
        return self._one(self._select().where(TABLE.c.stream == stream))

    def all(self) -> list[Checkpoint]:
        """Return the checkpoints of all streams, in order of their names, without all others."""
        is_stream = ~TABLE.c.stream.startswith(IMPORT) & (TABLE.c.stream != NAMES)
        statement = self._select().where(is_stream).order_by(TABLE.c.stream)
        return [self._record(row) for row in self.connection.execute(statement)]

    def put(self, name: str, place: str, at: datetime) -> None:
        """Write the checkpoint of this name, in place of any."""
        insert: Any = (postgresql if self.connection.dialect.name == "postgresql" else sqlite).insert(TABLE)
        new = insert.values(stream=name, entry_id=place, recorded_at=at)
        changed = {"entry_id": new.excluded.entry_id, "recorded_at": new.excluded.recorded_at}
        self.connection.execute(new.on_conflict_do_update(index_elements=["stream"], set_=changed))

    def forget(self, names: Collection[str]) -> None:
        """Empty the checkpoints of imports that have ended. The rows stay: a worker's role may delete none."""
        self.connection.execute(update(TABLE).where(TABLE.c.stream.in_(names)).values(entry_id=""))
