"""JSON as Flowledger reads and writes it: strictly RFC 8259, within the limits of PostgreSQL and Python.

Python's own reader accepts NaN and keeps the last of two equal names; both are refused here (CONTRACT §2). Numbers that
a double cannot hold (1e400) are kept as `Decimal`, so that *any* value is written as it was read.
"""

from __future__ import annotations

import json
import re
import secrets
from collections import Counter
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from flowledger.domain import json_numbers
from flowledger.domain.json_values import json_value
from flowledger.domain.limits import DEFAULT_LIMITS, BeyondLimit, Limits

_BYTE_ORDER_MARK: Final = "\ufeff"
_UNPLAIN: Final = re.compile("[\x00\ud800-\udfff]")
_MAY_BE_UNPLAIN: Final = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


def loads(text: str, limits: Limits = DEFAULT_LIMITS) -> Any:
    """Return the value of `text`. Raises ValueError, in words for a producer, if it is not JSON.

    Raises BeyondLimit if `text` is nested too deep, holds an integer of too many digits, or numbers that take too many
    bytes if written without an exponent.
    """
    _check_depth(text, limits.max_depth)
    exponents = json_numbers.seen.exponents
    try:
        value = _decoded(text, limits.max_digits)
    except _TooLong as error:
        place = _place(text, most_digits=limits.max_digits)
        raise BeyondLimit(place, f"an integer of {error.digits:,} digits", limits.max_digits, "max_digits") from None
    except RecursionError:
        raise ValueError("nested too deep for Python at this depth of calls") from None
    except json.JSONDecodeError as error:
        if text.startswith(_BYTE_ORDER_MARK):
            raise ValueError("it begins with a byte order mark; save it as UTF-8 without one") from None
        raise ValueError(f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    if json_numbers.seen.exponents != exponents:
        _check_numbers(text, limits.max_number_bytes)
    return value


def stored(text: str) -> Any:
    """Return the value of JSON text from a database: PostgreSQL writes 1e5000 with all its digits."""
    return _STORED_DECODER.decode(text)


def dumps(value: Any) -> str:
    """Return the compact JSON text of a value from `loads` or from a producer (`domain.json_values`).

    Raises TypeError for a value of a type that JSON does not have, ValueError for one that it cannot hold.
    """
    try:
        return _ENCODER.encode(value)
    except TypeError:
        return _dumps_with_decimals(value)


def ascii_dumps(value: Any) -> str:
    """Return JSON text in ASCII alone, with lone surrogates escaped."""
    return json.dumps(value)


def number_text(text: str, *path: str) -> str:
    """Return the literal text of the number at `path` in the JSON object `text` (a `sequence` of 1e3 is not 1000)."""
    value: Any = json.loads(text, parse_int=str, parse_float=str)
    for name in path:
        value = value[name]
    return str(value)


def same(one: str, other: str) -> bool:
    """Return whether two JSON texts have the same value: order of names, spaces and escapes do not matter."""
    return one == other or equal(exact(one), exact(other))


def exact(text: str) -> Any:
    """Return the value of JSON text with each number exactly as written, for `equal`."""
    return _EXACT_DECODER.decode(text)


def canonical(value: Any) -> str:
    """Return the one text of a value from `exact`: two texts are equal if, and only if, the values are (`equal`).

    Names are in order, characters beyond ASCII are escapes, numbers are as `json_numbers.decimal_text` writes them. The
    value may be of `loads` if none of its numbers is `json_numbers.seen.unlike`.
    """
    text = _CANONICAL.encode(value)
    return _MARKED.sub(r"\1", text) if _MARK in text else text


def may_be_unplain(text: str) -> bool:
    """Return whether JSON `text` may hold characters that PostgreSQL cannot: a cheap check before `plain`."""
    return _MAY_BE_UNPLAIN.search(text) is not None


def is_plain(text: str) -> bool:
    """Return whether PostgreSQL can hold `text`: no U+0000, no lone surrogate."""
    return _UNPLAIN.search(text) is None


def plain(text: str) -> str:
    """Return `text` with U+FFFD for each U+0000 and lone surrogate (CONTRACT §2)."""
    return _UNPLAIN.sub("\ufffd", text)


def plain_json(text: str) -> str:
    """Return JSON text with the same done in names and values of any depth, where these characters are escapes."""
    return _ESCAPE.sub(lambda match: "\\ufffd" if match["unplain"] else match[0], text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(f"the name {twice!a} occurs more than once in one object")
    return result


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _decoded(text: str, max_digits: int) -> Any:
    """Decode with the fast reader if no integer can be too long, or if Python's own limit is the one to check."""
    if max_digits == json_numbers.PYTHONS_DIGITS or len(text) <= max_digits:
        try:
            return _whole(_DECODER, text)
        except ValueError as error:
            if "integer string conversion" not in str(error):
                raise
    return _counting_decoder(max_digits).decode(text)


def _whole(decoder: json.JSONDecoder, text: str) -> Any:
    """Return what `decoder.decode(text)` does: at once if no blanks are around an object. They take 0.5 µs to skip."""
    if text.startswith("{"):
        value, end = decoder.raw_decode(text)
        if end == len(text):
            return value
    return decoder.decode(text)


@lru_cache
def _counting_decoder(max_digits: int) -> json.JSONDecoder:
    def whole(text: str) -> int | Decimal:
        digits = len(text.lstrip("-"))
        if digits > max_digits:
            raise _TooLong(digits)
        return json_numbers.whole(text)

    return json.JSONDecoder(
        object_pairs_hook=_object, parse_constant=_constant, parse_float=json_numbers.real, parse_int=whole
    )


class _TooLong(ValueError):
    """An integer has too many digits: `digits`. Its place is found afterwards."""

    def __init__(self, digits: int) -> None:
        self.digits = digits
        super().__init__(digits)


def _check_depth(text: str, max_depth: int) -> None:
    if text.count("[") + text.count("{") <= max_depth:
        return
    depth = deepest = 0
    for token in _STRUCTURE.finditer(text):
        if token[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif token[0] in "]}":
            depth -= 1
    if deepest > max_depth:
        place = _place(text, most_levels=max_depth)
        raise BeyondLimit(place, f"nested {deepest:,} levels deep", max_depth, "max_depth")


def _check_numbers(text: str, most_bytes: int) -> None:
    written, end = json_numbers.written(text, most_bytes)
    if written > most_bytes:
        there = f"numbers that take {written:,} bytes or more without an exponent, as databases write them"
        raise BeyondLimit(_place(text, end=end), there, most_bytes, "max_number_bytes")


def _place(text: str, *, most_levels: int | None = None, most_digits: int | None = None, end: int | None = None) -> str:
    """Return the attribute, or the field of `data`, in which `text` first exceeds the levels or digits, or reaches
    `end`."""
    depth = 0
    names = ["", ""]
    for token in _TOKENS.finditer(text):
        if end is not None and token.end() >= end:
            break
        if token["name"] is not None and 1 <= depth <= 2:
            names[depth - 1 :] = [token["name"][:100], ""][: 3 - depth]
        elif token[0] in "[{":
            depth += 1
            if most_levels is not None and depth > most_levels:
                break
        elif token[0] in "]}":
            depth -= 1
        elif most_digits is not None and token["digits"] is not None and len(token["digits"]) > most_digits:
            break
    return ".".join(name for name in names if name) if names[0] == "data" else names[0]


def _dumps_with_decimals(value: Any) -> str:
    """Return the JSON text of `value`. There is no recursion, since values may be as deep as the limit.

    `left` holds what is to be written, last first. `around` holds by id the values that contain the current one: a
    value within itself would be written without end.
    """
    written: list[str] = []
    around: dict[int | None, Any] = {}
    left: list[tuple[bool, Any]] = [(False, value)]
    while left:
        is_text, item = left.pop()
        if is_text:
            text, ended = item
            written.append(text)
            around.pop(ended, None)
        elif isinstance(item, Decimal):
            written.append(str(item))
        elif isinstance(item, _KNOWN):
            written.append(_ENCODER.encode(item))
        else:
            if id(item) in around:
                raise ValueError("Circular reference detected")
            if len(around) >= _DEEPEST:
                raise RecursionError
            around[id(item)] = item
            left += reversed(_pieces(item))
    return "".join(written)


def _pieces(item: Any) -> list[tuple[bool, Any]]:
    """Return the pieces of a value that holds others: texts, each with the id of the value it ends, and values."""
    pieces: list[tuple[bool, Any]] = []
    if isinstance(item, dict):
        for place, (name, inner) in enumerate(item.items()):
            name_text = _ENCODER.encode({name: 0})[1:-2]  # a name that is a number becomes text
            pieces += [(True, (f"{',' if place else '{'}{name_text}", None)), (False, inner)]
        return [*pieces, (True, ("}" if pieces else "{}", id(item)))]
    if isinstance(item, list | tuple):
        for place, inner in enumerate(item):
            pieces += [(True, ("," if place else "[", None)), (False, inner)]
        return [*pieces, (True, ("]" if pieces else "[]", id(item)))]
    return [(False, json_value(item)), (True, ("", id(item)))]


def equal(one: Any, other: Any) -> bool:
    """Return whether two values from `exact` are equal in JSON, where true is not 1.

    There is no recursion, since values may be as deep as the limit.
    """
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


# An unclosed string is matched to the end of the text: a hostile text would be scanned again from each of its quotes.
_STRUCTURE: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*\\?(?:"|\Z)|[\[\]{}]', re.DOTALL)
# The same, and names, and integers. Possessive quantifiers (`++`) avoid a second try from the middle of a match.
_TOKENS: Final = re.compile(
    r'"(?:(?P<name>[^"\\]*+(?:\\.[^"\\]*+)*+)"\s*+:|[^"\\]*(?:\\.[^"\\]*)*\\?(?:"|\Z))'
    r"|[\[\]{}]|[0-9]++[.eE][-+.eE0-9]*+|(?P<digits>[0-9]++)",
    re.DOTALL,
)
# An escape: a pair of surrogates, one alone (or U+0000), or any other.
_ESCAPE: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<unplain>u0000|u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)
_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=json_numbers.real)
_STORED_DECODER: Final = json.JSONDecoder(parse_int=json_numbers.whole, parse_float=json_numbers.real)
_EXACT_DECODER: Final = json.JSONDecoder(parse_int=json_numbers.whole, parse_float=json_numbers.exact)
# The encoder writes no Decimal. It writes a text for it, with a mark that nobody can know, which is taken off again.
_MARK: Final = f"number {secrets.token_hex(16)} "
_MARKED: Final = re.compile(f'"{_MARK}([-.0-9]+)"')
_CANONICAL: Final = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), allow_nan=False, check_circular=False,
    default=lambda number: _MARK + json_numbers.decimal_text(number),
)  # fmt: skip
_KNOWN: Final = (str, int, float, bool, type(None))
_DEEPEST: Final = 10_000
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=json_value)
