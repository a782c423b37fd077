"""JSON as Flowledger reads and writes it: RFC 8259 to the letter, with the limits that PostgreSQL and Python set.

Python's own reader takes NaN and lets the second of two equal names win; both are refused here (CONTRACT §2).
Numbers that a double cannot hold (1e400) are kept as `Decimal`, so that *any* value comes out as it went in.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from decimal import Decimal, InvalidOperation
from typing import Any, Final

MAX_DEPTH: Final = 500
"""Nesting levels an event may have; Python's own reader gives up somewhat below 1,000."""

MAX_INTEGER_DIGITS: Final = 4300
"""Python refuses to convert longer integers (`sys.get_int_max_str_digits`)."""

# PostgreSQL's numeric, which jsonb uses: digits before and after the decimal point.
_MAX_WHOLE_DIGITS: Final = 131_072
_MAX_FRACTION_DIGITS: Final = 16_383

_UNPLAIN: Final = re.compile("[\x00\ud800-\udfff]")
_MAY_BE_UNPLAIN: Final = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


def loads(text: str) -> Any:
    """The value that `text` stands for; raises ValueError, in words a producer understands, where it is not JSON."""
    _check_depth(text)
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    except ValueError as error:
        if "integer string conversion" in str(error):
            raise ValueError(f"an integer of more than {MAX_INTEGER_DIGITS} digits") from None
        raise


def stored(text: str) -> Any:
    """The value of JSON text that a database gives back: PostgreSQL writes 1e5000 with all its digits."""
    return _STORED_DECODER.decode(text)


def dumps(value: Any) -> str:
    """Compact JSON text of a value that `loads` gave."""
    try:
        return _ENCODER.encode(value)
    except TypeError:
        return _dumps_with_decimals(value)


def ascii_dumps(value: Any) -> str:
    """JSON text in ASCII alone, lone surrogates escaped."""
    return json.dumps(value)


def number_text(text: str, *path: str) -> str:
    """The literal text of the number at `path` in the JSON object `text` (a `sequence` of 1e3 is not 1000)."""
    value: Any = json.loads(text, parse_int=str, parse_float=str)
    for name in path:
        value = value[name]
    return str(value)


def same(one: str, other: str) -> bool:
    """Whether two JSON texts stand for the same value: order of names, spaces and escapes do not matter."""
    return one == other or _equal(_EXACT_DECODER.decode(one), _EXACT_DECODER.decode(other))


def may_be_unplain(text: str) -> bool:
    """Whether JSON `text` may hold what PostgreSQL's text cannot: a cheap look before `plain`."""
    return _MAY_BE_UNPLAIN.search(text) is not None


def is_plain(text: str) -> bool:
    """Whether PostgreSQL can hold `text`: no U+0000, no lone surrogate."""
    return _UNPLAIN.search(text) is None


def plain(text: str) -> str:
    """`text` with U+FFFD for each U+0000 and lone surrogate (CONTRACT §2)."""
    return _UNPLAIN.sub("\ufffd", text)


def plain_json(text: str) -> str:
    """The same for JSON text, in names as in values, however deep: there the characters are written as escapes."""
    return _ESCAPE.sub(lambda match: "\\ufffd" if match["unplain"] else match[0], text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(f"the name {twice!a} stands more than once in one object")
    return result


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _float(text: str) -> float | Decimal:
    number = float(text)
    if math.isfinite(number) and (number or not text.lower().partition("e")[0].strip("-0.")):
        return number
    return _decimal(text)


def _int(text: str) -> int | Decimal:
    return int(text) if len(text.lstrip("-")) <= MAX_INTEGER_DIGITS else Decimal(text)


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"the number {text[:40]} is out of range") from None
    exponent = number.as_tuple().exponent
    if number.adjusted() >= _MAX_WHOLE_DIGITS or not isinstance(exponent, int) or -exponent > _MAX_FRACTION_DIGITS:
        raise ValueError(f"the number {text[:40]} is out of range")
    return number


def _check_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = deepest = 0
    for token in _STRUCTURE.finditer(text):
        if token[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif token[0] in "]}":
            depth -= 1
    if deepest > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")


def _dumps_with_decimals(value: Any) -> str:
    """Without recursion, for values may be as deep as the limit: `left` holds what is to be written, last first."""
    written: list[str] = []
    left: list[tuple[bool, Any]] = [(False, value)]
    while left:
        is_text, item = left.pop()
        if is_text:
            written.append(item)
        elif isinstance(item, Decimal):
            written.append(str(item))
        elif isinstance(item, dict):
            left.append((True, "}"))
            for place, (name, inner) in reversed(list(enumerate(item.items()))):
                left += [(False, inner), (True, f"{',' if place else ''}{_ENCODER.encode(name)}:")]
            left.append((True, "{"))
        elif isinstance(item, list | tuple):
            left.append((True, "]"))
            for place, inner in reversed(list(enumerate(item))):
                left += [(False, inner), (True, "," if place else "")]
            left.append((True, "["))
        else:
            written.append(_ENCODER.encode(item))
    return "".join(written)


def _equal(one: Any, other: Any) -> bool:
    """Equality as JSON has it: true is not 1. Without recursion, for values may be as deep as the limit."""
    left = [(one, other)]
    while left:
        a, b = left.pop()
        if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
            left += [(a[name], b[name]) for name in a]
        elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
            left += zip(a, b, strict=True)
        elif isinstance(a, dict | list | bool) or isinstance(b, bool):
            if a is not b:
                return False
        elif a != b:
            return False
    return True


# A string that never ends is taken to the end of the text, or a hostile one would be scanned from each of its quotes.
_STRUCTURE: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*\\?(?:"|\Z)|[\[\]{}]', re.DOTALL)
# An escape: a pair of surrogates, one alone (or U+0000), or any other.
_ESCAPE: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<unplain>u0000|u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)
_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=_float)
_STORED_DECODER: Final = json.JSONDecoder(parse_int=_int, parse_float=_float)
_EXACT_DECODER: Final = json.JSONDecoder(parse_int=_int, parse_float=Decimal)
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
