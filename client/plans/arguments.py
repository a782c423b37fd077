"""Checks of what callers give: time-outs and numbers."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any, Final

from flowledger.domain.errors import InvalidArgument

_FOREVER_SECONDS: Final = 1e9
"""Some 32 years: sockets and locks cannot count much further."""


def seconds_of(name: str, value: Any) -> float:
    """Return a time-out in seconds; infinity if it never ends. One below 0 is over at once, as 0 is.

    Raises InvalidArgument if `value` is not a number.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InvalidArgument(f"{name} must be a number of seconds, not of type {type(value).__name__}")
    try:
        seconds = float(value)
    except OverflowError:
        seconds = math.inf if value == abs(value) else 0.0
    if math.isnan(seconds):
        raise InvalidArgument(f"{name} must be a number of seconds, not nan")
    return max(seconds, 0.0) if seconds < _FOREVER_SECONDS else math.inf


def most_of(value: Any) -> int:
    """Return how many messages are wanted. Raises InvalidArgument if `value` is not a whole number from 1 on."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise InvalidArgument(f"most must be a whole number, not of type {type(value).__name__}")
    if value < 1:
        raise InvalidArgument(f"most must be at least 1, not {value}")
    return int(value)
