"""How long and how large: histograms with fixed buckets, which can be added up across drains, workers and days."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any, Final

BATCH_ENTRIES: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0)
COMMIT_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
LATENCY_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3_600.0)
"""Upper bounds of the buckets, the bound included; one more bucket has everything above them."""


@dataclass(slots=True)
class Histogram:
    """How many values are in each bucket, and the sum of all values."""

    bounds: tuple[float, ...]
    counts: list[int] = field(default_factory=list)
    sum: float = 0.0

    def __post_init__(self) -> None:
        self.counts = self.counts or [0] * (len(self.bounds) + 1)

    def add(self, values: Iterable[float]) -> None:
        """Count values; those below zero, which two clocks can make, count as zero."""
        ordered = sorted(values)
        if ordered and ordered[0] < 0:
            ordered = [max(0.0, value) for value in ordered]
        before = 0
        for bucket, bound in enumerate((*self.bounds, inf)):
            below = bisect_right(ordered, bound)
            self.counts[bucket] += below - before
            before = below
        self.sum += sum(ordered)

    def to_json(self) -> dict[str, Any]:
        """Return the buckets that are not empty, by their upper bounds (`inf` is the last), and the sum."""
        buckets = zip((*self.bounds, inf), self.counts, strict=True)
        return {"counts": {str(bound): count for bound, count in buckets if count}, "sum": round(self.sum, 6)}

    def add_json(self, stored: Mapping[str, Any]) -> None:
        """Add what `to_json` returned, perhaps in a release with other buckets."""
        for bound, count in stored["counts"].items():
            self.counts[sum(own < float(bound) for own in self.bounds)] += int(count)
        self.sum += float(stored["sum"])


@dataclass(slots=True)
class Measures:
    """What drains measure. Each of the fields is a key of `drains.measures`.

    `batch_entries`: entries of a batch. `commit_seconds`: what a batch waited for the database. `latency_seconds`: the
    time of an entry from its arrival in Redis, which its id tells by Redis's clock, until it was committed, by the
    worker's.
    """

    batch_entries: Histogram = field(default_factory=lambda: Histogram(BATCH_ENTRIES))
    commit_seconds: Histogram = field(default_factory=lambda: Histogram(COMMIT_SECONDS))
    latency_seconds: Histogram = field(default_factory=lambda: Histogram(LATENCY_SECONDS))

    def histograms(self) -> dict[str, Histogram]:
        """Return the histograms by their names."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def to_json(self) -> dict[str, Any]:
        return {name: histogram.to_json() for name, histogram in self.histograms().items()}

    def add_json(self, stored: Mapping[str, Any]) -> None:
        """Add what `to_json` returned, perhaps in another release."""
        for name, histogram in self.histograms().items():
            if name in stored:
                histogram.add_json(stored[name])
