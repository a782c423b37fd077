"""The shards' streams as a drain uses them: entries are taken under leases, and deleted when they are recorded.

The keys and what they mean: `domain.streams`. A stream holds what is left to do, so nobody has to remember who read
what: the entries of a drain that died are the first ones of their streams, and are taken again when its leases expire.
Each step is one script (`workers.scripts`).
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import chain
from typing import Any, Final

import redis

from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.workers import scripts
from flowledger.workers.background import BackgroundThread
from flowledger.workers.connections import Readers
from flowledger.workers.entries import Entry
from flowledger.workers.fuse import BY_FUSE
from flowledger.workers.pauses import Pause
from flowledger.workers.recorder import Recorded
from flowledger.workers.replies import Beyond
from flowledger.workers.taken import FUSE_KEPT_SECONDS, Taken, entries_of, read_taken

_MOST_BYTES: Final = 8 * 1024 * 1024
"""A batch with this many bytes is full: entries may be of any size."""
_MOST_READ_BY_SCRIPT: Final = 4 * 1024 * 1024
"""A stream with more bytes may hold an entry that no script must read. Measured on Valkey 9.1: a script that
reads an entry of 16 MiB stops the server for 59 ms, one of 64 MiB for 272 ms; XRANGE by itself for 7 and 55 ms.
And the other shards of a batch wait while a large entry is buried."""
_MOST_AT_ONCE: Final = 128 * 1024 * 1024
"""Entries of a stream with more bytes are read one by one: Redis copies as a whole what it is asked for."""
_FEW: Final = 100
_IDLE_KEPT: Final = 64
_WATCH_SECONDS: Final = 1.0
_WATCH_MARGIN_SECONDS: Final = 1.0


class Shards:
    """All shards, for one drain."""

    def __init__(self, client: redis.Redis, settings: Settings, called: int, readers: Readers | None = None) -> None:
        self._client = client
        self._settings = settings
        self._given_readers = readers
        self._called: int | None = called
        self._first = called
        self._owner = uuid.uuid4().hex
        self.broker = ""
        """What `ledger:broker` should hold (`workers.bond`)."""

    def take(self) -> Taken:
        """Take the first entries of as many shards as a batch has room for, each shard under a lease of its own.

        If no shard has any to take, the caller becomes the drain that waits for them, unless another one is. Entries
        that may be large are only leased: `read` them. Nothing is taken if Redis holds another `broker`.
        """
        return self._taken(self._client.eval(*self._taking()))

    def _taking(self) -> tuple[Any, ...]:
        order = [(self._first + place) % self._settings.shards for place in range(self._settings.shards)]
        keys = [
            streams.WATCH, streams.HOLD, streams.PAUSED, streams.IDLE, streams.BROKER, streams.ASIDE,
            streams.ASIDE_SIZES, streams.SOURCES, streams.RECORDED,
        ]  # fmt: skip
        for shard in order:
            keys += [
                streams.stream(shard), streams.lease(shard), streams.bell(shard), streams.caution(shard),
                streams.fuse(shard),
            ]  # fmt: skip
        called = "" if self._called is None else str(self._called)
        return _command(
            scripts.TAKE, keys, self._owner, _milliseconds(self._settings.lease_seconds),
            _milliseconds(_WATCH_SECONDS + _WATCH_MARGIN_SECONDS), self._settings.batch_entries, _MOST_BYTES,
            _MOST_READ_BY_SCRIPT, called, _IDLE_KEPT, self.broker, *order,
        )  # fmt: skip

    def _taken(self, reply: Any) -> Taken:
        taken = read_taken(reply, self._settings)
        self._called = None
        if taken.fuses:
            self._first = ([*taken.fuses][-1] + 1) % self._settings.shards
        return taken

    def read(self, taken: Taken) -> Taken:
        """Read the entries of a shard with large ones: as many as a batch has room for, and at least one."""
        if taken.large is None:
            return taken
        shard, most, deaths, weight = taken.large
        growth = 4 if weight <= _MOST_AT_ONCE else 1
        most = most if growth > 1 else min(most, _FEW)
        found: list[Entry] = []
        after, step, room = "-", 1, _MOST_BYTES
        while room > 0 and len(found) < most:
            reply: Any = self._readers.whole.xrange(streams.stream(shard), after, count=min(step, most - len(found)))
            found += (some := entries_of(reply, shard, deaths))
            if len(some) < step or some[-1].id == streams.LAST_ID or any(entry.cut for entry in some):
                break
            room -= sum(len(field) for entry in some for field in entry.fields)
            after, step = f"({found[-1].id}", growth * step
        return taken._replace(entries=found)

    @property
    def _readers(self) -> Readers:
        if self._given_readers is None:
            self._given_readers = Readers.of(self._settings)
        return self._given_readers

    def done(self, taken: Taken, outcome: Recorded, *, again: bool = False) -> tuple[int, Taken | None]:
        """Delete what was recorded, count it and release the leases, all at once; then take more, if `again`.

        Return how many drains in a row had found the database unavailable, and what was taken. It is one round trip,
        and one flush of the broker's disk.
        """
        with self._client.pipeline(transaction=False) as pipeline:
            pipeline.eval(*self._finishing(taken, outcome))
            if again:
                pipeline.eval(*self._taking())
            failures, *more = pipeline.execute()
        return failures, self._taken(more[0]) if again else None

    def _finishing(self, taken: Taken, outcome: Recorded) -> tuple[Any, ...]:
        keys = [
            streams.FAILURES, streams.COUNTERS, streams.rate(time.time()), streams.PAUSED, streams.ASIDE,
            streams.ASIDE_SIZES, streams.SOURCES, streams.RECORDED, streams.HOLD,
        ]  # fmt: skip
        changes = taken.sources.changes()
        arguments: list[str | int] = [
            streams.RATE_KEPT_SECONDS, self._settings.batch_entries, outcome.recorded, outcome.repeated, outcome.dead,
            FUSE_KEPT_SECONDS, self._settings.fuse_entries, int(time.time()), len(changes),
        ]  # fmt: skip
        for change in changes:
            why = "" if change.aside is None else change.aside.to_json()
            arguments += [change.key, change.seen, change.dead, why]
        recorded = _by_shard((entry.shard, (entry.id,)) for entry in outcome.entries)
        aside = _by_shard((entry.shard, (entry.id, key)) for entry, key in taken.sources.aside)
        for shard, fuse in taken.fuses.items():
            keys += [streams.stream(shard), streams.lease(shard), streams.caution(shard), streams.fuse(shard)]
            pause = Pause.of(fuse.words(shard), BY_FUSE).to_json() if fuse.blown else ""
            batch = outcome.batches.get(streams.stream(shard), 0)
            arguments += [shard, fuse.seen, fuse.dead, pause, batch, len(recorded[shard]), *chain(*recorded[shard])]
            arguments += [len(aside[shard]), *chain(*aside[shard])]
        return _command(scripts.DONE, keys, self._owner, *arguments)

    @contextmanager
    def kept(self, taken: Taken) -> Iterator[None]:
        """Renew the leases while a batch is recorded, which may take long (a table is locked, say)."""
        with BackgroundThread("leases", partial(self._renew, taken)):
            yield

    def _renew(self, taken: Taken, stopping: threading.Event) -> None:
        keys = [key for shard in taken.fuses for key in (streams.lease(shard), streams.caution(shard))]
        while not stopping.wait(self._settings.lease_seconds / 3):
            with suppress(redis.RedisError):  # leases are for order and speed: the batch goes on without them
                self._run(scripts.RENEW, keys, self._owner, _milliseconds(self._settings.lease_seconds))

    def hold(self, leased: Iterable[int], why: str, longest_seconds: float) -> int:
        """Leave all entries where they are, and hold all drains for a while, longer each time.

        Return how many times in a row that was done.
        """
        keys = [streams.HOLD, streams.FAILURES]
        for shard in leased:
            keys += [streams.lease(shard), streams.caution(shard)]
        failures: int = self._run(scripts.HOLD, keys, self._owner, why, _milliseconds(longest_seconds))
        return failures

    def abandon(self, taken: Taken) -> None:
        """Release the leases as if this drain had died. If that happens repeatedly, the entry at fault is found."""
        self._run(scripts.RELEASE, [streams.lease(shard) for shard in taken.fuses], self._owner)

    def wait(self, taken: Taken) -> None:
        """Wait until an empty shard has an entry or a drain leaves another shard, for a second at most."""
        keys = [streams.IDLE, *map(streams.stream, taken.empty)]
        after = [taken.idle_after, *("0" for _ in taken.empty)]
        with suppress(Beyond):
            self._readers.peek.execute_command(
                "XREAD", "COUNT", 1, "BLOCK", _milliseconds(_WATCH_SECONDS), "STREAMS", *keys, *after
            )

    def leave(self, *, quietly: bool = False) -> None:
        """Release everything and wake the pumps: entries that come from now on need another drain.

        `quietly` does not wake the pumps: they check all shards regularly.
        """
        keys = [streams.WATCH, streams.IDLE]
        for shard in range(self._settings.shards):
            keys += [streams.lease(shard), streams.caution(shard)]
        self._run(scripts.LEAVE, keys, self._owner, 0 if quietly else _IDLE_KEPT)

    def _run(self, script: str, keys: Sequence[str], *arguments: str | int) -> Any:
        return self._client.eval(*_command(script, keys, *arguments))


def _command(script: str, keys: Sequence[str], *arguments: str | int) -> tuple[Any, ...]:
    return script, len(keys), *keys, *map(str, arguments)


def _by_shard(found: Iterable[tuple[int, tuple[str, ...]]]) -> Mapping[int, list[tuple[str, ...]]]:
    by_shard: defaultdict[int, list[tuple[str, ...]]] = defaultdict(list)
    for shard, words in found:
        by_shard[shard].append(words)
    return by_shard


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))
