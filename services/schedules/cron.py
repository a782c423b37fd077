"""Due times of five fields of cron, as Debian's cron (3.0pl1, cron(8)) runs jobs on nights when the clocks change.

- *Fixed* expressions, of which neither the minute nor the hour begins with `*`, run once a matching time: if the clocks
  skip it, at the moment of the change; if it comes twice, at the first.
- All others run at each matching time of the clock: never at a skipped one, twice at one that comes twice.

Which times of a clock match is left to cronsim, without a zone: its own handling of zones skips times where a change is
not of a whole hour (`0 */2 * * *` in Australia/Lord_Howe), and adds some where midnight is skipped. Clocks change by
less than four hours here; Debian's cron follows changes below three.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

_MARGIN: Final = timedelta(hours=4)
_SECOND: Final = timedelta(seconds=1)


def next_time(expression: str, zone: ZoneInfo, after: datetime) -> datetime | None:
    """Return the first due time after `after`, in UTC; None if there is none in the next 50 years, or by 9999.

    Raises ValueError if the expression cannot be read.
    """
    try:
        local = _clock(after, zone)
        found = next(_matches(expression, local), None)
        if found is None:
            return None
        if _is_steady(zone, local) and _is_steady(zone, found):
            return _instant(found, zone, fold=0)
        return _around_a_change(expression, zone, after)
    except OverflowError:
        return None
    except CronSimError as error:
        raise ValueError(f"the expression cannot be read: {error}") from None


def _around_a_change(expression: str, zone: ZoneInfo, after: datetime) -> datetime | None:
    """Return the same where the clocks change: the least of all moments that have a matching time."""
    least: datetime | None = None
    is_fixed = not any(field.startswith("*") for field in expression.split()[:2])
    for match in _matches(expression, _clock(after, zone) - _MARGIN):
        if least is not None and match > _clock(least, zone) + _MARGIN:
            break
        later = [moment for moment in _moments(match, zone, is_fixed=is_fixed) if moment > after]
        least = min([*later, *([] if least is None else [least])], default=None)
    return least


def _moments(match: datetime, zone: ZoneInfo, *, is_fixed: bool) -> list[datetime]:
    """Return when the clock's time `match` is due: the moments at which the clock shows it, or what replaces them."""
    moments = sorted({_instant(match, zone, fold=0), _instant(match, zone, fold=1)})
    shown = [moment for moment in moments if _clock(moment, zone) == match]
    if not is_fixed:
        return shown
    return shown[:1] or [_change(match, zone)]


def _change(skipped: datetime, zone: ZoneInfo) -> datetime:
    """Return the moment at which the clocks skip this time."""
    early, late = sorted(_instant(skipped, zone, fold=fold) for fold in (0, 1))
    while late - early > _SECOND:
        middle = early + (late - early) // (2 * _SECOND) * _SECOND
        if _clock(middle, zone) > skipped:
            late = middle
        else:
            early = middle
    return late


def _matches(expression: str, after: datetime) -> Iterator[datetime]:
    """Yield the times of a clock after `after` that match, in order."""
    return CronSim(expression, after)


def _is_steady(zone: ZoneInfo, local: datetime) -> bool:
    """Return whether no change of the clocks is near this time of the clock."""
    return _offset(zone, local - _MARGIN) == _offset(zone, local) == _offset(zone, local + _MARGIN)


def _offset(zone: ZoneInfo, local: datetime) -> timedelta | None:
    return zone.utcoffset(local.replace(tzinfo=zone))


def _clock(moment: datetime, zone: ZoneInfo) -> datetime:
    """Return what a clock of this zone shows."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def _instant(local: datetime, zone: ZoneInfo, *, fold: int) -> datetime:
    return local.replace(tzinfo=zone, fold=fold).astimezone(UTC)
