"""Odd entries from a seed: whatever a producer may put into a stream, and what must become of each.

    entries(name, seed, count, most_bytes)      entries for the streams, each with its fate
    celery_lines(name, seed, count)             lines for Celery's queue, none of them a bell

The same seed gives the same entries. Each has a subject, and where it is an event an id, of its own.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from random import Random
from typing import Final

from tests.faults.odd.bells import celery_lines
from tests.faults.odd.entry import SOURCE, Couple, Fate, Odd
from tests.faults.odd.shapes import broken, deep, envelopes, malformed, odd_fields, sized
from tests.faults.odd.spellings import conflicts, repeats
from tests.faults.odd.values import long_lists, numbers, texts

__all__ = ["KINDS", "SOURCE", "Couple", "Fate", "Odd", "celery_lines", "entries"]

Kind = Callable[[Random, str], Couple]
"""Makes one entry, or two that belong together, with this name in their ids."""

KINDS: Final[tuple[Kind, ...]] = (
    numbers, numbers, numbers, long_lists, texts, texts, repeats, repeats, repeats, conflicts, conflicts, malformed,
    malformed, broken, broken, deep, envelopes, envelopes, odd_fields, odd_fields, odd_fields,
)  # fmt: skip
"""What there is; some of it is more varied than the rest, and comes more often."""
_LARGE_EVERY: Final = 30
"""One entry of so many is a large one."""


def entries(name: str, seed: int, count: int, most_bytes: int) -> list[Couple]:
    """At least `count` entries, alone or in couples for one shard, in their order; the first has `most_bytes`."""
    random = Random(seed)
    made: list[Couple] = []
    numbers_ = itertools.count(1)
    for kind in _kinds(random):
        if sum(map(len, made)) >= count:
            return made
        number = next(numbers_)
        unique = f"{name}_{number}"
        if number % _LARGE_EVERY == 1:
            largest = most_bytes if number == 1 else int(2 ** random.uniform(20, math.log2(max(most_bytes, 2**20 + 1))))
            made.append(sized(random, unique, largest))
        else:
            made.append(kind(random, unique))
    return made


def _kinds(random: Random) -> Iterator[Kind]:
    """Every kind once, in any order, and again."""
    while True:
        yield from random.sample(KINDS, len(KINDS))
