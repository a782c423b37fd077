"""Records as JSON text, for programs and for people: of any depth, and with each number as a number.

Python's own writer recurses, which 500 levels (CONTRACT §2) do not allow at every depth of calls, and writes no
`Decimal`. Numbers that no double holds are written with all their digits, as PostgreSQL does: so a record has the same
text with both databases. On one line, Python's own is tried first, which is in C: ours takes many times as long.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any, Final

from flowledger.domain.json_numbers import decimal_text

_INDENT: Final = 2
_CONTAINERS: Final = (dict, list, tuple)
_AS_THEY_ARE: Final = (str, int, float, *_CONTAINERS, Decimal, type(None))
_END: Final[Any] = object()


def json_line(value: object) -> str:
    """Return JSON on one line, in ASCII, for programs."""
    return _on_one_line(value, _FAST_ASCII, encode_basestring_ascii)


def json_lines(value: object) -> str:
    """Return JSON over several lines, in ASCII, for programs."""
    return _written(value, _INDENT, encode_basestring_ascii)


def json_words(value: object) -> str:
    """Return any value as JSON on one line, for people."""
    return _on_one_line(value, _FAST, encode_basestring)


def json_set_out(value: object) -> str:
    """Return any value as JSON over several lines, for people."""
    return _written(value, _INDENT, encode_basestring)


class _NotInC(Exception):
    """Python's own writer cannot write this value."""


def _on_one_line(value: Any, fast: json.JSONEncoder, encode: Any) -> str:
    try:
        return fast.encode(value)
    except (_NotInC, RecursionError):
        return _written(value, None, encode)


def _in_place(value: Any) -> Any:
    if isinstance(value, Decimal):
        raise _NotInC
    return _json_value(value)


_FAST: Final = json.JSONEncoder(ensure_ascii=False, default=_in_place)
_FAST_ASCII: Final = json.JSONEncoder(default=_in_place)


def _written(value: Any, indent: int | None, encode: Any) -> str:
    """Return JSON text as `json.dumps` lays it out. There is no recursion: `left` has what is open, outermost first."""
    parts: list[str] = []
    left: list[tuple[Iterator[Any], str]] = []
    comma = ", " if indent is None else ","
    while True:
        value = _json_value(value)
        is_first = isinstance(value, _CONTAINERS) and bool(value)
        if is_first:
            is_object = isinstance(value, dict)
            left.append((iter(value.items() if is_object else value), "}" if is_object else "]"))
            parts.append("{" if is_object else "[")
        else:
            parts.append(encode(value) if isinstance(value, str) else _scalar(value))
        while left:
            members, closing = left[-1]
            member = next(members, _END)
            if member is not _END:
                break
            left.pop()
            parts += [_line(len(left), indent), closing]
            is_first = False
        else:
            return "".join(parts)
        parts += ["" if is_first else comma, _line(len(left), indent)]
        value = member
        if closing == "}":
            name, value = member
            parts += [encode(name) if isinstance(name, str) else json.dumps({name: 0})[1:-4], ": "]


def _line(depth: int, indent: int | None) -> str:
    return "" if indent is None else "\n" + " " * (indent * depth)


def _scalar(value: Any) -> str:
    return decimal_text(value) if isinstance(value, Decimal) else json.dumps(value)


def _json_value(value: Any) -> Any:
    """Return what JSON has in place of `value`; what is in it stays as it is."""
    if isinstance(value, _AS_THEY_ARE):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)
