"""When a schedule is due: five fields of cron as in Debian's crontab(5), or an interval (CONTRACT-RECORDS §1).

What crontab(5) does not describe is refused, also what its program takes: lists and ranges of names, `5/10`, `@daily`,
six fields, and the signs `? L W # ~` of other programs.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from flowledger.domain.patterns import any_case

_INTERVAL: Final = re.compile("[0-9]+[smhd]")
_BLANKS: Final = re.compile("[ \t]+")
_ITEM: Final = re.compile("(?:([0-9]{1,9})(?:-([0-9]{1,9}))?|[*])(?:/([0-9]{1,9}))?")
"""A number, a range, or `*`, and a step: first, last, step."""

_FORM: Final = "must be five fields of cron, like `30 9 * * 1-5`, or an interval, like 90s, 15m, 2h or 1d"
_TOO_SHORT: Final = "must be an interval of at least one second"
_NEVER: Final = "must be due on some day: no such month has such a day"


class _Field(NamedTuple):
    """A field of cron: its least and greatest number, their pattern, and names for the numbers from the least on."""

    what: str
    least: int
    greatest: int
    number: str
    names: tuple[str, ...] = ()


_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: Final = (
    _Field("minute", 0, 59, "[1-5]?[0-9]"),
    _Field("hour", 0, 23, "(1?[0-9]|2[0-3])"),
    _Field("day of the month", 1, 31, "([1-9]|[12][0-9]|3[01])"),
    _Field("month", 1, 12, "([1-9]|1[0-2])", _MONTHS),
    _Field("day of the week", 0, 7, "[0-7]", _DAYS),
)
_LENGTHS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
"""The most days of each month."""


def _pattern(field: _Field) -> str:
    """Return the pattern of a field; it does not know whether a range is in order."""
    number = f"0*{field.number}"
    item = f"({number}|([*]|{number}-{number})(/0*[1-9][0-9]*)?)"
    return f"({'|'.join((f'{item}(,{item})*', *map(any_case, field.names)))})"


EXPRESSION_PATTERN: Final = f"^(_*{'_+'.join(map(_pattern, _FIELDS))}_*|0*[1-9][0-9]*[smhd])$".replace("_", "[ \t]")
"""What `check_expression` takes, as far as a pattern can say it, for JSON Schema."""


def check_expression(text: str) -> str:
    """Return `text` if it tells when a schedule is due. Raises ValueError with words that say what is wanted."""
    if _INTERVAL.fullmatch(text):
        if not text[:-1].strip("0"):
            raise ValueError(_TOO_SHORT)
        return text
    parts = _BLANKS.split(text.strip(" \t"))
    if len(parts) != len(_FIELDS):
        raise ValueError(_FORM)
    _, _, days, months, _ = (_numbers(part, field) for part, field in zip(parts, _FIELDS, strict=True))
    if _both_days_count(parts) and all(min(days) > _LENGTHS[month - 1] for month in months):
        raise ValueError(_NEVER)
    return text


def _both_days_count(parts: list[str]) -> bool:
    """Return whether a day must match both of its fields: one begins with `*`. If none does, either is enough."""
    return parts[2].startswith("*") or parts[4].startswith("*")


def _numbers(text: str, field: _Field) -> set[int]:
    """Return the numbers that a field matches."""
    name = text.lower()
    if name in field.names:
        return {field.names.index(name) + field.least}
    numbers: set[int] = set()
    for item in text.split(","):
        found = _range(item, field)
        if not found:
            raise ValueError(_words(field))
        numbers.update(found)
    return numbers


def _range(text: str, field: _Field) -> range:
    """Return the numbers of one item of a list; none if it is wrong."""
    match = _ITEM.fullmatch(text)
    if match is None:
        return range(0)
    first, last, step = match.groups()
    begin = field.least if first is None else int(first)
    end = field.greatest if first is None else int(last or first)
    is_single = first is not None and last is None
    if not field.least <= begin <= end <= field.greatest or (step and (is_single or not int(step))):
        return range(0)
    return range(begin, end + 1, int(step or 1))


def _words(field: _Field) -> str:
    named = f", or one name, like {field.names[1]}" if field.names else ""
    return (
        f"must have in the field of the {field.what} a number from {field.least} to {field.greatest}, a range, `*`, "
        f"a step (`/2`) after a range or `*`, a list of these{named}"
    )
