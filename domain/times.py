"""Times: RFC 3339 with a zone, cut to the microsecond (CONTRACT §2)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

_RFC3339: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))"
)
_USUAL: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})T((?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2})(?:\.([0-9]+))?Z")
_TO_SECONDS: Final = len("2026-01-31T12:00:00")


TIME_PATTERN: Final = (
    "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]+)?"
    "([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
"""The same for JSON Schema, which has no words for what is wrong: months, days, hours … must be in their ranges."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def parse_time(text: str) -> datetime:
    """Return the instant, in UTC. Raises ValueError if `text` is not RFC 3339 with a zone, in the years 1 to 9999."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:40]!a} is not an RFC 3339 time with a zone, like 2026-01-31T12:00:00.25Z")
    year, month, day, hour, minute, second, fraction, sign, zone_hours, zone_minutes = match.groups()
    zone: timezone = UTC
    if sign:
        offset = timedelta(hours=int(zone_hours), minutes=int(zone_minutes))
        zone = timezone(-offset if sign == "-" else offset)
    microsecond = int(fraction[:6].ljust(6, "0")) if fraction else 0
    try:
        local = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), microsecond, zone)
        return local if zone is UTC else local.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text[:40]!a} is not a time: {error}") from None


def sortable(time: datetime) -> str:
    """Return UTC as text of fixed width, which sorts as the times do: `2026-01-31 12:00:00.250000`."""
    return time.replace(tzinfo=None).isoformat(" ", "microseconds")


def sortable_text(text: str) -> str:
    """Return `sortable(parse_time(text))`, and raise as `parse_time` does.

    The usual form is rearranged as it stands. Measured: 0.9 µs, by a datetime 3.2.
    """
    match = _USUAL.fullmatch(text)
    if match is None or not _is_moment(text[:_TO_SECONDS]):
        return sortable(parse_time(text))
    day, clock, fraction = match.groups("")
    return f"{day} {clock}.{fraction[:6]:0<6}"


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def written_time(time: datetime) -> str:
    """Return RFC 3339 text in UTC. Raises ValueError as `in_utc` does."""
    return in_utc(time).isoformat().replace("+00:00", "Z")


def in_utc(time: datetime) -> datetime:
    """Return the same time in UTC. Raises ValueError if it has no zone, or its year in UTC is not 1 to 9999."""
    if time.tzinfo is None:
        raise ValueError("a time needs a zone; use datetime.now(UTC)")
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{time.isoformat()} is in no year from 1 to 9999 in UTC") from None


def milliseconds(time: datetime) -> int:
    """Return the milliseconds since the epoch, as in Redis's times."""
    return (time - _EPOCH) // timedelta(milliseconds=1)


def now() -> datetime:
    """Return the time of this machine's clock, in UTC."""
    return datetime.now(UTC)
