"""What of a batch is recorded or buried, what is left where it is, and what is set aside."""

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
"""What is refused so does not come from the source it names, as far as is known: it must not count against that one."""

_IN_VAIN: Final = 3
"""After so many entries that were tried again and again in vain, no more are, if their error is of the same kind."""

_MOST_LETTERS: Final = RANGES["max_source_bytes"].highest


class Admission:
    """Decides for one batch, entry by entry and in order, by the fuses of shards and of sources.

    A fault of ours, or of the database, counts for the shard's fuse, which pauses it: a bad release buries little. The
    event's own faults count for its source's.
    """

    def __init__(self, fuses: Mapping[int, Fuse], sources: Sources | None) -> None:
        self._fuses = fuses
        self._sources = sources
        self._given_up: Counter[str] = Counter()

    def state(self) -> Any:
        """What was decided until now, for `restore`."""
        fuses = {shard: fuse.state() for shard, fuse in self._fuses.items()}
        return fuses, None if self._sources is None else self._sources.state()

    def restore(self, state: Any) -> None:
        """Forget what was decided since `state`: it is decided anew."""
        fuses, sources = state
        for shard, one in fuses.items():
            self._fuses[shard].restore(one)
        if self._sources is not None:
            self._sources.restore(sources)

    def unsure(self, reads: Sequence[Read]) -> set[str]:
        """The sources of which it must be asked whether anything of them was ever recorded."""
        if self._sources is None:
            return set()
        return self._sources.unsure(source for read in reads if read.refused and (source := _accused(read)))

    def learn(self, asked: set[str], recorded: set[str], reads: Sequence[Read]) -> None:
        """Take the answer; what this batch itself records of a source counts as well."""
        if self._sources is not None:
            here = {read.event.source for read in reads if read.event is not None}
            self._sources.learn(asked, recorded | here)

    def admits(self, read: Read) -> bool:
        """Whether an entry is recorded or buried; it is counted, then. The rest stays, or is set aside."""
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
        """Whether one that was admitted, and that the database refuses after all, is buried; it is counted, then."""
        fuse = self._fuses.get(read.entry.shard)
        return fuse is None or fuse.allows_another_death()

    def hopes_for(self, kind: str) -> bool:
        """Whether an entry with an error of this kind is tried again."""
        return self._given_up[kind] < _IN_VAIN

    def gives_up(self, kind: str) -> None:
        """Count an entry that is buried for an error of this kind."""
        self._given_up[kind] += 1

    def died_after_all(self, read: Read) -> None:
        """Count one that was admitted as a good one, and is a dead letter: it was recorded before."""
        fuse = self._fuses.get(read.entry.shard)
        if fuse is not None and not read.is_own_fault:
            fuse.allows_another_death()
            return
        if self._sources is not None:
            self._sources.died_after_all(_accused(read))


def _accused(read: Read) -> str | None:
    """The source that an entry counts for; none if that is not known, or no name that could ever be recorded."""
    if read.refused is not None and read.refused.reason in _NOBODYS:
        return None
    return read.source if read.source is None or 0 < len(read.source) <= _MOST_LETTERS else None
