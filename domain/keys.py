"""The event key of CONTRACT §3, `(attempt, rank, sequence, time, source, id)`, as text that sorts as the key does.

Databases compare one text (collation "C", which is the order of code points) instead of six values and their absence.
The end of each part is marked, so no part can be mistaken for the beginning of the next, as in FoundationDB's tuple
layer. A key is readable: `a1` `3` `1a211` `12026-01-02 10:19:46.895000` `/relay/trail` ….
"""

from __future__ import annotations

import re
from typing import Final

_END: Final = "\x01"
_ESCAPED: Final = re.compile("[\x00-\x02\ud7ff\ud800-\udfff]")
_PAIR: Final = re.compile("([\x02\ud7ff])(.)", re.DOTALL)
"""The output of `_escape`."""
_TEXT: Final = re.compile("((?:[\x02\ud7ff].|[^\x01\x02\ud7ff])*)\x01", re.DOTALL)
"""The output of `_text`, and its end mark."""
_TIMED: Final = "1"
_EARLIEST_TIMED: Final = "0"
_TIME_WIDTH: Final = len("2026-01-31 12:00:00.250000")


def event_key(attempt: int, rank: int, order: str) -> str:
    """Return the whole key; `order` is the result of `order_key`."""
    return f"{_natural(str(attempt))}{rank}{order}"


def order_key(sequence: str | None, time: str | None, source: str, event_id: str) -> str:
    """Return the part of the key that does not depend on attempt and status: `(sequence, time, source, id)`.

    Times, here and below, are text in the form of `domain.times.sortable`.
    """
    moment = "0" if time is None else _TIMED + time
    return f"{_sequence(sequence)}{moment}{_text(source)}{_END}{_text(event_id)}"


def owner_of(key: str) -> tuple[str, str]:
    """Return the source and the id of the event of an `event_key`."""
    return owner_of_order(key[_natural_end(key, 0) + 1 :])


def owner_of_order(key: str) -> tuple[str, str]:
    """Return the source and the id of the event of an `order_key`."""
    time = _sequence_end(key, 0)
    source = time + 1 + (_TIME_WIDTH if key[time] == _TIMED else 0)
    match = _TEXT.match(key, source)
    assert match is not None
    return _PAIR.sub(_unescape, match[1]), _PAIR.sub(_unescape, key[match.end() :])


def has_time(key: str) -> bool:
    """Return whether the event of an `event_key` has a time of its own."""
    return key[_sequence_end(key, _natural_end(key, 0) + 1)] == _TIMED


def earliest_has_time(key: str) -> bool:
    """Return whether the event of an `earliest_key` has a time of its own."""
    return key[:1] == _EARLIEST_TIMED


def earliest_key(time: str | None, *, preferred: bool = True) -> str:
    """Return a key of which, with the time behind it, the least is the earliest: `created_at`, `started_at` and so on.

    Events with a time go before those without one (whose time is `recorded_at`), and among either, the preferred
    type (`created`) goes before any other.
    """
    return f"{'1' if time is None else _EARLIEST_TIMED}{'0' if preferred else '1'}"


def latest_key(time: str | None) -> str:
    """Return a key of which, with the time behind it, the greatest is the latest: events with a time go over others."""
    return "0" if time is None else _TIMED


def _sequence(sequence: str | None) -> str:
    if sequence is None:
        return "0"
    if sequence.isascii() and sequence.isdigit():
        digits = sequence.lstrip("0") or "0"
        return f"1{_natural(str(len(digits)))}{digits}"
    return f"2{_text(sequence)}{_END}"


def _sequence_end(key: str, start: int) -> int:
    """Return where the sequence that begins at `start` ends."""
    if key[start] == "0":
        return start + 1
    if key[start] == "1":
        digits = _natural_end(key, start + 1)
        return digits + int(key[start + 2 : digits])
    match = _TEXT.match(key, start + 1)
    assert match is not None
    return match.end()


def _natural(digits: str) -> str:
    """Return decimal digits (26 at most) after a letter that encodes their number."""
    return chr(ord("a") + len(digits) - 1) + digits


def _natural_end(key: str, start: int) -> int:
    return start + 1 + ord(key[start]) - ord("a") + 1


def _text(text: str) -> str:
    """Escape the end mark and the characters that PostgreSQL cannot hold, so that texts keep their order."""
    return text if text.isprintable() else _ESCAPED.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\x02{chr(code + 1)}" if code <= 2 else f"\ud7ff{chr(code - 0xD7FF + 1)}"


def _unescape(match: re.Match[str]) -> str:
    return chr(ord(match[2]) - 1 + (0 if match[1] == "\x02" else 0xD7FF))
