"""The shards' streams as a drain sees them: entries are taken under leases, and deleted when they are recorded.

The keys and what they mean: `domain.streams`. What stands in a stream is what is left to do, so nothing has to be
remembered about who read what: entries of a drain that died are the first ones of their streams, and are taken again
when its leases run out. Each step is one script (`workers.scripts`).
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, suppress
from itertools import groupby
from typing import Any, Final, NamedTuple

import redis

from domain import streams
from domain.settings import Settings
from workers import scripts
from workers.entries import Entry
from workers.fuse import Fuse
from workers.pauses import Pause
from workers.recorder import Recorded

_MOST_BYTES: Final = 8 * 1024 * 1024
"""A batch is full when it has so many bytes: entries may be of any size."""
_IDLE_KEPT: Final = 64
_WATCH_SECONDS: Final = 1.0
_WATCH_MARGIN_SECONDS: Final = 1.0


class Taken(NamedTuple):
    """What a drain got: entries under leases, or the watch for new ones, or neither."""

    held: str
    """Why nothing is taken for now; empty where nothing stands in the way."""
    entries: Sequence[Entry]
    fuses: Mapping[int, Fuse]
    """The fuse of each shard that entries were taken of."""
    empty: Sequence[int]
    idle_after: str
    """Where the caller has the watch: the last entry of the idle stream; else empty."""
    batches: Mapping[int, int]
    """Of each shard that entries were taken of, the number of the last batch that the broker knows to be recorded."""
    broker: str
    """Whose broker it is (`workers.bond`). Where that is not what was expected, nothing is taken."""

    def split(self, condition: Callable[[Entry], bool]) -> tuple[Taken, Taken]:
        """The shards with an entry that fulfils the condition, and the others."""
        those = {entry.shard for entry in self.entries if condition(entry)}
        return self._of(those), self._of(self.fuses.keys() - those)

    def _of(self, shards: Set[int]) -> Taken:
        return self._replace(
            entries=[entry for entry in self.entries if entry.shard in shards],
            fuses={shard: fuse for shard, fuse in self.fuses.items() if shard in shards},
        )


class Shards:
    """All shards, for one drain."""

    def __init__(self, client: redis.Redis, settings: Settings, called: int) -> None:
        self._client = client
        self._settings = settings
        self._called: int | None = called
        self._first = called
        self._owner = uuid.uuid4().hex
        self.broker = ""
        """What Redis is to hold of whose broker it is (`workers.bond`)."""

    def take(self) -> Taken:
        """The first entries of as many shards as a batch has room for, each under a lease of its own.

        Where no shard has any to take, the caller becomes the one that waits for them, unless another is. Nothing is
        taken where Redis holds another `broker`.
        """
        return self._taken(self._client.eval(*self._taking()))

    def _taking(self) -> tuple[Any, ...]:
        order = [(self._first + place) % self._settings.shards for place in range(self._settings.shards)]
        keys = [streams.WATCH, streams.HOLD, streams.PAUSED, streams.IDLE, streams.BROKER, streams.RECORDED]
        for shard in order:
            keys += [
                streams.stream(shard), streams.lease(shard), streams.bell(shard), streams.caution(shard),
                streams.fuse(shard),
            ]  # fmt: skip
        called = "" if self._called is None else str(self._called)
        return _command(
            scripts.TAKE, keys, self._owner, _milliseconds(self._settings.lease_seconds),
            _milliseconds(_WATCH_SECONDS + _WATCH_MARGIN_SECONDS), self._settings.batch_entries, _MOST_BYTES, called,
            _IDLE_KEPT, self.broker, *order,
        )  # fmt: skip

    def _taken(self, reply: Any) -> Taken:
        held, taken, empty, idle_after, broker = reply
        self._called = None
        if taken:
            self._first = (int(taken[-1][0]) + 1) % self._settings.shards
        most = self._settings.fuse_entries
        return Taken(
            held=held.decode(),
            entries=[_entry(entry, int(shard), deaths) for shard, deaths, *_, entries in taken for entry in entries],
            fuses={int(shard): Fuse(most, int(seen), int(dead)) for shard, _, seen, dead, *_ in taken},
            empty=[int(shard) for shard in empty],
            idle_after=idle_after.decode(),
            batches={int(shard): int(batch) for shard, *_, batch, _ in taken},
            broker=broker.decode("utf-8", "backslashreplace"),
        )

    def done(self, taken: Taken, outcome: Recorded, *, again: bool = False) -> tuple[int, Taken | None]:
        """Deletes what was recorded, counts it and gives the leases back, all at once; `again`: then it takes more.

        Gives how often in a row the database had not been to be had before, and what was taken: both in one round trip
        and, in the broker, with one flush.
        """
        with self._client.pipeline(transaction=False) as pipeline:
            pipeline.eval(*self._finishing(taken, outcome))
            if again:
                pipeline.eval(*self._taking())
            failures, *more = pipeline.execute()
        return failures, self._taken(more[0]) if again else None

    def _finishing(self, taken: Taken, outcome: Recorded) -> tuple[Any, ...]:
        rate = streams.rate(time.time())
        keys = [streams.FAILURES, streams.COUNTERS, rate, streams.PAUSED, streams.RECORDED]
        arguments: list[str | int] = [self._settings.batch_entries, outcome.recorded, outcome.repeated, outcome.dead]
        recorded = {shard: [entry.id for entry in entries] for shard, entries in _by_shard(outcome.entries)}
        for shard, fuse in taken.fuses.items():
            keys += [streams.stream(shard), streams.lease(shard), streams.caution(shard), streams.fuse(shard)]
            ids = recorded.get(shard, [])
            pause = Pause.of(fuse.words(shard), "the fuse").to_json() if fuse.blown else ""
            batch = outcome.batches.get(streams.stream(shard), 0)
            arguments += [shard, fuse.seen, fuse.dead, pause, batch, len(ids), *ids]
        return _command(scripts.DONE, keys, self._owner, streams.RATE_KEPT_SECONDS, *arguments)

    @contextmanager
    def kept(self, taken: Taken) -> Iterator[None]:
        """Keeps the leases while a batch takes its time (a table is locked, say), for as long as this process runs."""
        done = threading.Event()
        thread = threading.Thread(target=self._renew, args=(taken, done), name="leases", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _renew(self, taken: Taken, done: threading.Event) -> None:
        keys = [key for shard in taken.fuses for key in (streams.lease(shard), streams.caution(shard))]
        while not done.wait(self._settings.lease_seconds / 3):
            with suppress(redis.RedisError):  # the lease is for order and speed: the batch goes on without it
                self._run(scripts.RENEW, keys, self._owner, _milliseconds(self._settings.lease_seconds))

    def hold(self, leased: Iterable[int], why: str, longest_seconds: float) -> int:
        """Leaves everything where it is, gives leases back, and keeps all drains away for a while, longer each time.

        Returns how often in a row this was so.
        """
        keys = [streams.HOLD, streams.FAILURES]
        for shard in leased:
            keys += [streams.lease(shard), streams.caution(shard)]
        failures: int = self._run(scripts.HOLD, keys, self._owner, why, _milliseconds(longest_seconds))
        return failures

    def abandon(self, taken: Taken) -> None:
        """Gives the leases back as if this drain had died: if that happens again and again, the culprit is found."""
        self._run(scripts.ABANDON, [streams.lease(shard) for shard in taken.fuses], self._owner)

    def wait(self, taken: Taken) -> None:
        """Returns when one of the empty shards has an entry, when a drain leaves the others, or after a second."""
        keys = [streams.IDLE, *map(streams.stream, taken.empty)]
        after = [taken.idle_after, *("0" for _ in taken.empty)]
        self._client.execute_command(
            "XREAD", "COUNT", 1, "BLOCK", _milliseconds(_WATCH_SECONDS), "STREAMS", *keys, *after
        )

    def leave(self) -> None:
        """Gives everything back and wakes the pumps: what comes from now on needs another drain."""
        keys = [streams.WATCH, streams.IDLE]
        for shard in range(self._settings.shards):
            keys += [streams.lease(shard), streams.caution(shard)]
        self._run(scripts.LEAVE, keys, self._owner, _IDLE_KEPT)

    def _run(self, script: str, keys: Sequence[str], *arguments: str | int) -> Any:
        return self._client.eval(*_command(script, keys, *arguments))


def _command(script: str, keys: Sequence[str], *arguments: str | int) -> tuple[Any, ...]:
    return script, len(keys), *keys, *map(str, arguments)


def _entry(entry: Any, shard: int, deaths: int) -> Entry:
    entry_id, fields = entry
    return Entry(entry_id.decode(), fields, shard, deaths)


def _by_shard(entries: Iterable[Entry]) -> Iterable[tuple[int, Iterable[Entry]]]:
    return groupby(sorted(entries, key=lambda entry: entry.shard), key=lambda entry: entry.shard)


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))
