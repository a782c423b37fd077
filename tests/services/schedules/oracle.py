"""Debian's cron, minute by minute: its loop over the clock, told again after cron.c (cron 3.0pl1, Debian's patches).

The clock is read each minute. If it went on by one minute, all jobs of that minute run. If it jumped ahead by less than
three hours, the wildcard jobs of the new minute run, and the fixed jobs of every minute that was skipped, and of the
new one. If it went back by less than three hours, wildcard jobs alone run until it has caught up.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from flowledger.services.schedules.zones import zone as zone_of

_MINUTE = timedelta(minutes=1)
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def times(expression: str, zone: str, begin: datetime, end: datetime) -> list[datetime]:
    """The moments after `begin`, up to `end`, at which cron runs such a job."""
    fields = [_numbers(field, *range_) for field, range_ in zip(expression.split(), _RANGES, strict=True)]
    stars = [field.startswith("*") for field in expression.split()]
    is_wild = stars[0] or stars[1]
    place = zone_of(zone)
    moment = begin.replace(second=0, microsecond=0) - timedelta(hours=6)
    virtual = moment.astimezone(place).replace(tzinfo=None) - _MINUTE
    found = set()
    while moment <= end:
        clock = moment.astimezone(place).replace(tzinfo=None, fold=0)
        runs = is_wild and _matches(fields, stars, clock)
        while virtual < clock:
            virtual += _MINUTE
            runs = runs or (not is_wild and _matches(fields, stars, virtual))
        if runs and moment > begin:
            found.add(moment)
        moment += _MINUTE
    return sorted(found)


def _matches(fields: list[set[int]], stars: list[bool], clock: datetime) -> bool:
    minute, hour, day, month, weekday = fields
    of_month = clock.day in day
    of_week = clock.isoweekday() in weekday or clock.isoweekday() % 7 in weekday
    is_day = of_month and of_week if stars[2] or stars[4] else of_month or of_week
    return clock.minute in minute and clock.hour in hour and clock.month in month and is_day


def _numbers(field: str, least: int, greatest: int) -> set[int]:
    numbers: set[int] = set()
    for item in field.split(","):
        span, _, step = item.partition("/")
        first, _, last = f"{least}-{greatest}".partition("-") if span == "*" else span.partition("-")
        numbers.update(range(int(first), int(last or first) + 1, int(step or 1)))
    return numbers
