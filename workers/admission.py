"""Decides which entries of a batch are recorded or buried, which stay in their stream, and which are set aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from flowledger.domain.errors import Reason
from flowledger.domain.limits import RANGES
from flowledger.workers.burial import Read
from flowledger.workers.fuse import Fuse
from flowledger.workers.sources import Sources

_NOBODYS: Final = frozenset({Reason.FORGED, Reason.REPLAYED})
"""Such an event may not come from the source that it names, so it does not count for the fuse of that source."""

_IN_VAIN: Final = 3
"""After this many entries whose retries all failed with one kind of error, entries with that error are not retried."""

_MOST_LETTERS: Final = RANGES["max_source_bytes"].highest


class Admission:
    """Decides for the entries of one batch, in order, by the fuses of shards and of sources.

    A fault of Flowledger or of the database counts for the shard's fuse, which pauses the shard: a bad release buries
    little. A fault of the event counts for the fuse of its source.
    """

    def __init__(self, fuses: Mapping[int, Fuse], sources: Sources | None) -> None:
        self._fuses = fuses
        self._sources = sources
        self._given_up: Counter[str] = Counter()

    def state(self) -> Any:
        """Return what was decided until now, for `restore`."""
        fuses = {shard: fuse.state() for shard, fuse in self._fuses.items()}
        return fuses, None if self._sources is None else self._sources.state()

    def restore(self, state: Any) -> None:
        """Forget what was decided since `state`."""
        fuses, sources = state
        for shard, one in fuses.items():
            self._fuses[shard].restore(one)
        if self._sources is not None:
            self._sources.restore(sources)

    def unsure(self, reads: Sequence[Read]) -> set[str]:
        """Return the sources of which the journal must tell whether any of their events was ever recorded."""
        if self._sources is None:
            return set()
        return self._sources.unsure(source for read in reads if read.refused and (source := _accused(read)))

    def learn(self, asked: set[str], recorded: set[str], reads: Sequence[Read]) -> None:
        """Take the journal's answer. Events that this batch records of a source count as well."""
        if self._sources is not None:
            here = {read.event.source for read in reads if read.event is not None}
            self._sources.learn(asked, recorded | here)

    def admits(self, read: Read) -> bool:
        """Return whether to record or bury an entry, and count it if so. Other entries stay, or are set aside."""
        fuse, dead = self._fuses.get(read.entry.shard), read.refused is not None
        if fuse is not None and (fuse.blown or (dead and not read.is_own_fault and not fuse.allows_dead_letter())):
            return False
        if self._sources is not None and self._sources.is_set_aside(
            read.entry, _accused(read), dead=dead, own=read.is_own_fault
        ):
            return False
        if fuse is not None:
            fuse.count(dead=dead and not read.is_own_fault)
        return True

    def admits_refused_by_database(self, read: Read) -> bool:
        """Return whether to bury an admitted entry that the database refuses, and count it if so."""
        fuse = self._fuses.get(read.entry.shard)
        return fuse is None or fuse.allows_another_death()

    def hopes_for(self, kind: str) -> bool:
        """Return whether to retry an entry that failed with an error of this kind."""
        return self._given_up[kind] < _IN_VAIN

    def gives_up(self, kind: str) -> None:
        """Count an entry that is buried for an error of this kind."""
        self._given_up[kind] += 1

    def died_after_all(self, read: Read) -> None:
        """Count an admitted entry that is a dead letter because its event is recorded already, with other content."""
        fuse = self._fuses.get(read.entry.shard)
        if fuse is not None and not read.is_own_fault:
            fuse.allows_another_death()
            return
        if self._sources is not None:
            self._sources.died_after_all(_accused(read))


def _accused(read: Read) -> str | None:
    """Return the source that an entry counts for; None if it is unknown, or a name that cannot be recorded."""
    if read.refused is not None and read.refused.reason in _NOBODYS:
        return None
    return read.source if read.source is None or 0 < len(read.source) <= _MOST_LETTERS else None
