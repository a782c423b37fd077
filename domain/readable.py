"""Values as people read them, on a terminal, in a log or in a page: text made safe, times, durations, JSON."""

from __future__ import annotations

from datetime import UTC, datetime


def safe(text: str) -> str:
    """Text that cannot move the cursor, change colours or hide: each control character is written out (`\\x1b`)."""
    return "".join(
        char if char.isprintable() or char in "\n\t" else char.encode("unicode_escape").decode() for char in text
    )


def time(value: datetime | None) -> str:
    """Return a time in UTC, to the millisecond; empty if there is none."""
    return "" if value is None else value.astimezone(UTC).isoformat(" ", "microseconds")[:23]


def duration(seconds: float | None) -> str:
    """Return how long it took, as people say it; empty if it is not known."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.3f} s"
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {left:02} s"


def size(count: float) -> str:
    """Return a number of bytes, as people say it."""
    sign, left = ("-", -count) if count < 0 else ("", count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if left < 1024:
            return f"{sign}{left:,.0f} B" if unit == "B" else f"{sign}{left:,.1f} {unit}"
        left /= 1024
    return f"{sign}{left:,.1f} TiB"
