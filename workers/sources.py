"""Sources of which most entries fail are set aside, in order, so that a bad producer does not hold up others.

Each source has a fuse of its own, which counts the events' own faults: a breach of the contract, a conflict, a forgery.
While a source is set aside, its entries are moved from their shards into a stream of its own, within bounds, until
somebody resumes it. Entries that cannot be read, or whose source was never recorded, count as one source
(`UNREADABLE`): to invent a source for each entry gains nothing. The keys: `domain.streams`; the reasons:
docs/decisions/0025.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, NamedTuple
from uuid import uuid4

from flowledger.domain import json_text
from flowledger.domain.times import now, written_time
from flowledger.workers.entries import Entry
from flowledger.workers.fuse import BY_FUSE, Fuse

UNREADABLE: Final = "(unreadable)"
"""The name of the source of entries without one."""
MOST_SOURCES: Final = 100
"""At most this many sources have fuses that count failures, and at most this many are set aside."""
_UNREADABLE_KEY: Final = "unreadable"
_MOST_FIELDS: Final = 2_000
"""Most names and values of an entry that is set aside: a script of Redis can pass some thousand at once."""


@lru_cache(maxsize=1_000)
def key_of(source: str) -> str:
    """Return the name of a source in Redis's keys, of bounded length. Cached: the hash takes 0.8 µs."""
    if source == UNREADABLE:
        return _UNREADABLE_KEY
    return sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Aside:
    """A source that is set aside: why, by whom, since when (RFC 3339).

    If `returning`, its entries go back with this mark, and pass; later ones are set aside behind them.
    """

    source: str
    why: str
    by: str
    at: str
    returning: str = ""

    @classmethod
    def of(cls, source: str, why: str, by: str) -> Aside:
        return cls(source, why, by, written_time(now()))

    @classmethod
    def read(cls, text: bytes) -> Aside:
        """Read the JSON; a text that somebody wrote by hand counts, too."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError):
            return cls(ascii(text)[:100], "unknown", "unknown", "")

    def resumed(self) -> Aside:
        """Return the same, with its entries on their way back."""
        return Aside(self.source, self.why, self.by, self.at, self.returning or uuid4().hex)

    def to_json(self) -> str:
        return json_text.ascii_dumps(asdict(self))


class Bounds(NamedTuple):
    """Limits of all that is set aside (0: nothing is set aside), and of the bytes of one entry."""

    entries: int
    bytes: int
    entry_bytes: int


@dataclass(frozen=True, slots=True)
class Kept:
    """What Redis knows of sources: by key, which are set aside, and the fuses of those that fail; how many entries are
    set aside, and their bytes."""

    aside: Mapping[str, Aside] = field(default_factory=dict)
    fuses: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    entries: int = 0
    bytes: int = 0
    faded: Sequence[str] = ()
    """The keys of fuses whose last failure was long ago."""


class Change(NamedTuple):
    """What a batch adds to a source: entries seen, entries dead, and `aside` if its fuse blew."""

    key: str
    seen: int
    dead: int
    aside: Aside | None


class Sources:
    """The sources of one batch: which entries are set aside, and which count for which fuse."""

    def __init__(self, kept: Kept, most: int, bounds: Bounds) -> None:
        self._kept = kept
        self._most = most
        self._bounds = bounds
        self._known: dict[str, bool] = {}
        self._fuses = {key: Fuse(most, *counts) for key, counts in kept.fuses.items()}
        self._seen: Counter[str] = Counter()
        self._dead: Counter[str] = Counter()
        self._blown: dict[str, Aside] = {}
        self._entries, self._bytes = kept.entries, kept.bytes
        self.aside: list[tuple[Entry, str]] = []

    def again(self) -> Sources:
        """Return the same, with nothing decided yet."""
        return Sources(self._kept, self._most, self._bounds)

    def state(self) -> Any:
        """Return what was decided until now, for `restore`."""
        fuses = {key: fuse.state() for key, fuse in self._fuses.items()}
        return fuses, self._seen.copy(), self._dead.copy(), {**self._blown}, self._entries, self._bytes, [*self.aside]

    def restore(self, state: Any) -> None:
        """Forget what was decided since `state`."""
        fuses, seen, dead, blown, self._entries, self._bytes, aside = state
        self._seen, self._dead, self._blown, self.aside = seen.copy(), dead.copy(), {**blown}, [*aside]
        for key, fuse in self._fuses.items():
            fuse.restore(fuses.get(key, (0, 0, False)))

    def unsure(self, sources: Iterable[str]) -> set[str]:
        """Return the sources of which the journal must tell whether any of their events was ever recorded."""
        return {source for source in sources if source not in self._known and key_of(source) not in self._kept.fuses}

    def learn(self, sources: Iterable[str], known: Collection[str]) -> None:
        """Remember that of all `sources` only the `known` ones have recorded events."""
        self._known.update((source, source in known) for source in sources)

    def is_set_aside(self, entry: Entry, source: str | None, *, dead: bool, own: bool) -> bool:
        """Return whether to set an entry aside. If not, count it for its source's fuse, unless it is `dead` without
        being at fault (`own`).

        Beyond the bounds nothing more is set aside: entries are then recorded or buried.
        """
        name = self._name(source, dead=dead)
        key = key_of(name)
        if key in self._blown or (key in self._kept.aside and not self._returns(entry, key)):
            if self._takes(entry, key):
                return True
        elif dead and own and not self._fuse(key).allows_dead_letter() and self._may_blow(key):
            self._blown[key] = Aside.of(name, _words(self._fuse(key), name), BY_FUSE)
            if self._takes(entry, key):
                return True
        if own or not dead:
            self._count(key, dead=dead)
        return False

    def died_after_all(self, source: str | None) -> None:
        """Count an entry as dead that was counted as good: its event is recorded already, with other content."""
        if source is not None:
            self._known[source] = True
        name = self._name(source, dead=True)
        key = key_of(name)
        self._dead[key] += 1
        seen, dead = self._kept.fuses.get(key, (0, 0))
        fuse = Fuse(self._most, seen + self._seen[key], dead + self._dead[key])
        if not fuse.allows_dead_letter() and self._may_blow(key):
            self._blown.setdefault(key, Aside.of(name, _words(fuse, name), BY_FUSE))

    def blown(self) -> list[Aside]:
        """Return the sources that are set aside from this batch on."""
        return [*self._blown.values()]

    def changes(self) -> list[Change]:
        """Return what to keep: the sources that failed, and those whose fuses count failures already."""
        keys = {key for key in self._seen | self._dead if self._dead[key] or key in self._kept.fuses}
        return [
            Change(key, self._seen[key], self._dead[key], self._blown.get(key))
            for key in keys | self._blown.keys() | set(self._kept.faded)
        ]

    def _name(self, source: str | None, *, dead: bool) -> str:
        """Return the source that an entry counts for; `UNREADABLE` if nothing but failures is known of its own."""
        if source is None:
            return UNREADABLE
        key = key_of(source)
        if not dead or key in self._kept.aside or key in self._kept.fuses:
            return source
        return source if self._known.get(source) and len(self._kept.fuses) < MOST_SOURCES else UNREADABLE

    def _returns(self, entry: Entry, key: str) -> bool:
        returning = self._kept.aside[key].returning
        return bool(returning) and entry.returned == returning

    def _may_blow(self, key: str) -> bool:
        return key in self._kept.aside or len(self._kept.aside) + len(self._blown) < MOST_SOURCES

    def _takes(self, entry: Entry, key: str) -> bool:
        size = sum(map(len, entry.fields))
        if entry.cut is not None or len(entry.fields) > _MOST_FIELDS or size > self._bounds.entry_bytes:
            return False  # it can never be recorded, and is too large to be moved
        if self._entries >= self._bounds.entries or self._bytes + size > self._bounds.bytes:
            return False
        self._entries += 1
        self._bytes += size
        self.aside.append((entry, key))
        return True

    def _fuse(self, key: str) -> Fuse:
        return self._fuses.setdefault(key, Fuse(self._most))

    def _count(self, key: str, *, dead: bool) -> None:
        self._seen[key] += 1
        self._dead[key] += dead
        if dead or key in self._fuses:
            self._fuse(key).count(dead=dead)


def _words(fuse: Fuse, source: str) -> str:
    return (
        f"{fuse.dead} of the last {fuse.seen} entries of this source could not be recorded; "
        f"see `flowledger dead-letters list`, mend the cause, then `flowledger resume --source {source!a}`"
    )
