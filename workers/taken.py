"""What a drain has taken: reads the reply of `scripts.TAKE`."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Any, Final, NamedTuple

from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.workers.connections import text
from flowledger.workers.entries import Cut, Entry
from flowledger.workers.fuse import Fuse
from flowledger.workers.sources import Aside, Bounds, Kept, Sources

FUSE_KEPT_SECONDS: Final = 600
"""How long a failure counts for the fuse of its source."""
_MARK: Final = re.compile(rb"[0-9a-f]{32}")
_MARKED_FIELDS: Final = 4
_FUSE: Final = re.compile(r"(\d+) (\d+) (\d+)")


class Large(NamedTuple):
    """A shard that was taken, but whose entries are still to be read, because one of them may be large."""

    shard: int
    most: int
    deaths: int
    weight: int
    """The bytes of its stream in Redis: no entry has more."""


class Taken(NamedTuple):
    """What a drain took: entries under leases, or the watch for new ones, or neither."""

    held: str
    """Why nothing is taken for now; empty if drains are not held."""
    entries: Sequence[Entry]
    fuses: Mapping[int, Fuse]
    """The fuse of each shard that was taken."""
    empty: Sequence[int]
    idle_after: str
    """If the caller has the watch, the last entry of the idle stream; else empty."""
    batches: Mapping[int, int]
    """The number of the last batch that the broker knows to be recorded, of each shard that was taken."""
    broker: str
    """What `ledger:broker` holds (`workers.bond`). If that is not what was expected, nothing is taken."""
    sources: Sources
    """The sources that are set aside, and the fuses of sources."""
    large: Large | None
    unusable: Mapping[int, str]
    """Shards whose streams cannot be used, and the error of Redis."""

    @property
    def is_work(self) -> bool:
        return bool(self.entries) or self.large is not None

    def split(self, condition: Callable[[Entry], bool]) -> tuple[Taken, Taken]:
        """Split into the shards with an entry that fulfils the condition, and the others."""
        those = {entry.shard for entry in self.entries if condition(entry)}
        return self._of(those), self._of(self.fuses.keys() - those)

    def _of(self, shards: Set[int]) -> Taken:
        return self._replace(
            entries=[entry for entry in self.entries if entry.shard in shards],
            fuses={shard: fuse for shard, fuse in self.fuses.items() if shard in shards},
            sources=self.sources.again(),
        )


def read_taken(reply: Any, settings: Settings) -> Taken:
    """Read the reply of `scripts.TAKE`."""
    held, taken, empty, idle_after, broker, (aside, sizes, fuses), unusable = reply
    fuse = settings.fuse_entries
    larges = (Large(int(shard), most, deaths, weight) for shard, deaths, _, _, _, most, weight, _ in taken if most)
    return Taken(
        held=_text(held),
        entries=[entry for shard, deaths, _, _, found, *_ in taken for entry in entries_of(found, int(shard), deaths)],
        fuses={int(shard): Fuse(fuse, int(seen), int(dead)) for shard, _, seen, dead, *_ in taken},
        empty=[int(shard) for shard in empty],
        idle_after=text(idle_after),
        batches={int(shard): int(batch) for shard, *_, batch in taken},
        broker=broker.decode("utf-8", "backslashreplace"),
        sources=Sources(_kept(aside, sizes, fuses), fuse, bounds(settings)),
        large=next(larges, None),
        unusable={int(shard): _text(words) for shard, words in unusable},
    )


def entries_of(found: Iterable[Any], shard: int, deaths: int) -> list[Entry]:
    """Return the entries of a reply of XRANGE."""
    return [_entry(text(entry_id), fields, shard, deaths) for entry_id, fields in found]


def bounds(settings: Settings) -> Bounds:
    return Bounds(settings.aside_entries, settings.aside_bytes, settings.max_event_bytes)


def _entry(entry_id: str, fields: Any, shard: int, deaths: int) -> Entry:
    if isinstance(fields, Cut):
        return Entry(entry_id, (), shard, deaths, cut=fields)
    if len(fields) >= _MARKED_FIELDS and fields[-2] == streams.RETURNED and _MARK.fullmatch(fields[-1]):
        return Entry(entry_id, fields[:-2], shard, deaths, returned=fields[-1].decode())
    return Entry(entry_id, fields, shard, deaths)


def _kept(aside: Sequence[bytes], sizes: Sequence[bytes | None], fuses: Sequence[bytes]) -> Kept:
    entries, size = (max(0, int(count or 0)) for count in sizes)
    counted, faded, now = {}, [], time.time()
    for key, counts in _pairs(fuses):
        found = _FUSE.fullmatch(_text(counts))
        if found and now - int(found[3]) < FUSE_KEPT_SECONDS:
            counted[key] = int(found[1]), int(found[2])
        else:
            faded.append(key)
    return Kept({key: Aside.read(one) for key, one in _pairs(aside)}, counted, entries, size, faded)


def _pairs(reply: Sequence[bytes]) -> Iterable[tuple[str, bytes]]:
    return ((_text(name), value) for name, value in zip(reply[::2], reply[1::2], strict=True))


def _text(reply: bytes) -> str:
    """Decode a text, which somebody may have written by hand."""
    return reply.decode("utf-8", "replace")
