"""Moments as people write them: on a command line, or in a page's filters."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

from flowledger.domain.times import now, parse_time

_UNITS: Final = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_SPAN: Final = re.compile(r"(?:([0-9]{1,9})([wdhms]))")


def moment(text: str) -> datetime:
    """Return an RFC 3339 time, a date (its beginning in UTC), or how long ago (`2h`, `1d12h`). Raises ValueError."""
    if re.fullmatch(rf"(?:{_SPAN.pattern})+", text):
        try:
            return now() - sum((timedelta(**{_UNITS[u]: int(n)}) for n, u in _SPAN.findall(text)), timedelta())
        except OverflowError:
            raise ValueError(f"{text!a} is longer ago than there are dates") from None
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            day = date.fromisoformat(text)
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        return parse_time(text)
    except ValueError:
        raise ValueError(
            f"{text[:40]!a} is neither a time like 2026-01-31T12:00:00Z, nor a date, nor a span like 2h or 1d12h"
        ) from None
