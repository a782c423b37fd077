"""Numbers in JSON text: their values in Python, and how long databases write them (docs/decisions/0009).

A number that a double cannot hold (1e400) is read as a `Decimal`, so that *any* value is written as it was read.
PostgreSQL's `jsonb` writes numbers without an exponent: 1e131071 takes 131,072 bytes when it is read.
"""

from __future__ import annotations

import math
import re
import sys
import threading
from decimal import Decimal, InvalidOperation
from typing import Final

PYTHONS_DIGITS: Final = sys.get_int_max_str_digits()
"""Python refuses to convert integers with more digits, which takes quadratic time; they are kept as `Decimal`."""

# PostgreSQL's numeric, which jsonb uses: digits before and after the decimal point.
_MAX_WHOLE_DIGITS: Final = 131_072
_MAX_FRACTION_DIGITS: Final = 16_383

_ZERO: Final = Decimal(0)

# Strings, which are skipped, and numbers with an exponent.
_GROWING: Final = re.compile(
    r'"[^"\\]*+(?:\\.[^"\\]*+)*+\\?(?:"|\Z)'
    r"|(?P<whole>[0-9]++)(?:\.(?P<fraction>[0-9]++))?(?:[eE]\+?(?P<minus>-?)0*+(?P<shift>[0-9]*+))?",
    re.DOTALL,
)


class Seen(threading.local):
    """How many numbers of some kinds this thread has read: this saves a second pass if there are none.

    `exponents` have an exponent. The text of `unlike` numbers is not what `decimal_text` makes of their exact value.
    """

    exponents = 0
    unlike = 0


seen: Final = Seen()


def real(text: str) -> float | Decimal:
    """Return a number with a fraction or an exponent. Raises ValueError if PostgreSQL cannot hold it."""
    number = float(text)
    if "e" in text or "E" in text:
        seen.exponents += 1
        seen.unlike += 1
    elif repr(number) != text or text.endswith(".0"):
        seen.unlike += 1
    if math.isfinite(number) and (number or _is_zero(text)):
        return number
    return _decimal(text)


def whole(text: str) -> int | Decimal:
    """Return a number without fraction and exponent."""
    try:
        return int(text)
    except ValueError:  # longer than Python converts
        seen.unlike += 1
        return Decimal(text)


def exact(text: str) -> Decimal:
    """Return the exact value of a number with a fraction or an exponent; a zero is 0 with any exponent."""
    return _ZERO if _is_zero(text) else Decimal(text)


def decimal_text(number: Decimal) -> str:
    """Return the one text of an exact value: without exponent, and without zeros at the end of a fraction."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def written(text: str, most_bytes: int) -> tuple[int, int]:
    """Return how many bytes the numbers with an exponent in valid JSON `text` take if written without it.

    The second number is the position at which the count ended: as soon as it exceeded `most_bytes`.
    """
    size = 0
    for number in _GROWING.finditer(text):
        if number["shift"] is not None:
            size += _length(number)
            if size > most_bytes:
                return size, number.end()
    return size, len(text)


def _length(number: re.Match[str]) -> int:
    """Return the length of a number written without exponent, which is in range unless the number is zero."""
    whole, fraction = number["whole"], number["fraction"] or ""
    if not (whole + fraction).strip("0"):
        return 1
    shift = int(number["minus"] + (number["shift"] or "0"))
    return max(1, len(whole) + shift) + max(0, len(fraction) - shift)


def _is_zero(text: str) -> bool:
    return not text.lower().partition("e")[0].strip("-0.")


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"the number {_shortened(text)} is out of range") from None
    exponent = number.as_tuple().exponent
    if number.adjusted() >= _MAX_WHOLE_DIGITS or not isinstance(exponent, int) or -exponent > _MAX_FRACTION_DIGITS:
        raise ValueError(
            f"the number {_shortened(text)} is out of range: PostgreSQL holds {_MAX_WHOLE_DIGITS:,} digits before the "
            f"point and {_MAX_FRACTION_DIGITS:,} after it"
        )
    return number


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}…"
