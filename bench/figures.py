"""Figures out of lists of measured values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value that `part` of the values do not exceed; `part` is from 0 to 1."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def latency(milliseconds: Sequence[float]) -> dict[str, float]:
    """Return p50, p99 and the greatest of these latencies, in ms, and their number."""
    return {
        "p50": percentile(milliseconds, 0.5),
        "p99": percentile(milliseconds, 0.99),
        "max": max(milliseconds),
        "n": len(milliseconds),
    }


def spread(values: Sequence[float]) -> str:
    """Return the median, and the least and the greatest if there are several values."""
    show = _format(median(values))
    middle = show(median(values))
    return middle if len(values) == 1 else f"{middle} ({show(min(values))} to {show(max(values))})"


def _format(size: float) -> Callable[[float], str]:
    return (f"{{:,.{0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3}f}}").format
