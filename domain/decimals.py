"""Sums of doubles without rounding, as decimal text: on SQLite, which has no such numbers.

A double counts as the shortest decimal that reads as this double: 0.1 is 0.1. That is how JSON and both databases write
it, so a sum is what a person gets who adds the values shown.
"""

from __future__ import annotations

from decimal import Context, Decimal, InvalidOperation
from typing import Final

_EXACT: Final = Context(prec=1000)
"""Digits enough for any sum: doubles have 309 before the point and 324 behind it at most, and counts have 19."""


def decimal_text(value: float) -> str:
    """Return the decimal of a finite double, without an exponent."""
    return _text(Decimal(repr(value)))


def added(one: str, other: str) -> str:
    """Return the sum of two decimals, without an exponent. Text that is no decimal, written by hand, counts as 0."""
    return _text(_EXACT.add(_decimal(one), _decimal(other)))


def _decimal(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except (InvalidOperation, TypeError, ValueError):
        return Decimal()
    return value if value.is_finite() else Decimal()


def _text(value: Decimal) -> str:
    """Return the one text of a number: no zeros behind the last digit of a fraction, no negative zero."""
    return format(value.normalize(_EXACT), "f") if value else "0"
