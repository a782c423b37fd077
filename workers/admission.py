"""What of a batch is recorded or buried, what is left where it is, and what is set aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from domain.envelope import Event
from domain.errors import Reason, Refused
from domain.limits import RANGES
from storage.pipeline import Transaction
from workers.entries import Entry
from workers.fuse import Fuse
from workers.sources import Sources

_NOBODYS: Final = frozenset({Reason.FORGED, Reason.REPLAYED})
"""What is refused so does not come from the source it names, as far as is known: it must not count against that one."""

_MOST_LETTERS: Final = RANGES["max_source_bytes"].highest


class Read(NamedTuple):
    """An entry as it was understood: an event and its transaction, or why it is refused."""

    entry: Entry
    raw: bytes
    event: Event | None = None
    transaction: Transaction | None = None
    refused: Refused | None = None
    own: bool = True
    """Whether it is refused for a fault of its own, and not for one of ours or the database's."""
    named: str | None = None
    """The source that a refused one names, if that can be read."""

    def dead(self, refused: Refused, *, own: bool = True) -> Read:
        return Read(self.entry, self.raw, refused=refused, own=own, named=self.source)

    @property
    def source(self) -> str | None:
        return self.named if self.event is None else self.event.source


class Admission:
    """Decides for one batch, entry by entry and in order, by the fuses of shards and of sources.

    A fault of ours, or of the database, counts for the shard's fuse, which pauses it: a bad release buries little. The
    event's own faults count for its source's.
    """

    def __init__(self, fuses: Mapping[int, Fuse], sources: Sources | None) -> None:
        self._fuses = fuses
        self._sources = sources
        self._before = {shard: fuse.state() for shard, fuse in fuses.items()}

    def restart(self) -> None:
        """Forget what was decided: the batch is done again."""
        for shard, state in self._before.items():
            self._fuses[shard].restore(state)
        if self._sources is not None:
            self._sources.restart()

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
        if fuse is not None and (fuse.blown or (dead and not read.own and not fuse.allows_dead_letter())):
            return False
        if self._sources is not None and self._sources.is_set_aside(
            read.entry, _accused(read), dead=dead, own=read.own
        ):
            return False
        if fuse is not None:
            fuse.count(dead=dead and not read.own)
        return True

    def admits_refused_by_database(self, read: Read) -> bool:
        """Whether one that was admitted, and that the database refuses after all, is buried; it is counted, then."""
        fuse = self._fuses.get(read.entry.shard)
        return fuse is None or fuse.allows_another_death()

    def died_after_all(self, read: Read) -> None:
        """Count one that was admitted as a good one, and is a dead letter: it was recorded before."""
        if self._sources is not None:
            self._sources.died_after_all(_accused(read))


def _accused(read: Read) -> str | None:
    """The source that an entry counts for; none if that is not known, or no name that could ever be recorded."""
    if read.refused is not None and read.refused.reason in _NOBODYS:
        return None
    return read.source if read.source is None or 0 < len(read.source) <= _MOST_LETTERS else None
