"""One shard's stream: reading entries, acknowledging them, and the counts of what became of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

import redis

from domain import streams
from workers.recorder import Entry, Recorded

_FIRST_READ: Final = 100
_BATCH_BYTES: Final = 8 * 1024 * 1024
"""A batch larger than this halves the number of entries read next: entries may be of any size."""


class ShardStream:
    """Entries of one shard, oldest first: those that were read before and not acknowledged, then new ones."""

    def __init__(self, client: redis.Redis, shard: int, batch_entries: int) -> None:
        self._client = client
        self._key = streams.stream(shard)
        self._most = batch_entries
        self._count = min(_FIRST_READ, batch_entries)
        self._pending = True
        self.caught_up = False
        """Whether the last read found less than it asked for."""

    def read(self) -> list[Entry]:
        """The next entries; none where nothing is left. What is read stays pending until it is acknowledged."""
        if self._pending:
            entries = self._read("0")
            if entries:
                return entries
            self._pending = False
        return self._read(">")

    def acknowledge(self, entries: Sequence[Entry], outcome: Recorded) -> None:
        """Removes recorded entries from the stream, and counts them, all at once."""
        ids = [entry.id for entry in entries]
        rate = streams.rate(time.time())
        counts = {"recorded": outcome.recorded, "repeated": outcome.repeated, "dead": outcome.dead}
        with self._client.pipeline(transaction=True) as pipeline:
            pipeline.xack(self._key, streams.GROUP, *ids)
            pipeline.xdel(self._key, *ids)
            for name, count in counts.items():
                if count:
                    pipeline.hincrby(streams.COUNTERS, name, count)
                    pipeline.hincrby(rate, name, count)
            pipeline.expire(rate, streams.RATE_KEPT_SECONDS)
            pipeline.execute()

    def is_empty(self) -> bool:
        return not self._client.xlen(self._key)

    def _read(self, after: str) -> list[Entry]:
        try:
            reply = self._read_group(after)
        except redis.ResponseError as error:
            if not str(error).startswith("NOGROUP"):
                raise
            self._create_group()
            reply = self._read_group(after)
        if not reply:
            return []
        ((_, found),) = reply
        self.caught_up = len(found) < self._count
        entries = [Entry(entry_id.decode(), fields) for entry_id, fields in found if fields is not None]
        deleted = [entry_id for entry_id, fields in found if fields is None]
        if deleted:  # somebody removed entries that were read: nothing is left of them to record
            self._client.xack(self._key, streams.GROUP, *deleted)
            return entries or self._read(after)
        self._adapt(entries)
        return entries

    def _read_group(self, after: str) -> Any:
        return self._client.execute_command(
            "XREADGROUP", "GROUP", streams.GROUP, streams.CONSUMER, "COUNT", self._count, "STREAMS", self._key, after
        )

    def _create_group(self) -> None:
        """From the first entry on: what was published before any worker began is recorded, too."""
        try:
            self._client.xgroup_create(self._key, streams.GROUP, id="0", mkstream=True)
        except redis.ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def _adapt(self, entries: Sequence[Entry]) -> None:
        size = sum(len(field) for entry in entries for field in entry.fields)
        self._count = max(1, self._count // 2) if size > _BATCH_BYTES else min(self._most, self._count * 2)
