"""Pydantic's errors in Flowledger's words: the field, the value it must have, and the value it has.

A text is shown only if it cannot be a secret; a number always.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from flowledger.domain.statuses import LEVEL_NAMES

_WHOLE: Final = "must be a whole number"
_NUMBER: Final = "must be a number"
_TRUE_OR_FALSE: Final = "must be true or false"
_OBJECT: Final = "must be a JSON object"
_TIME: Final = "must be a time with a zone"

_WANTED: Final[Mapping[str, str]] = {
    "string_type": "must be a string",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "int_parsing_size": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": "must be a finite number",
    "bool_type": _TRUE_OR_FALSE,
    "bool_parsing": _TRUE_OR_FALSE,
    "list_type": "must be a list",
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "datetime_type": _TIME,
    "datetime_parsing": _TIME,
    "path_type": "must be a path",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "is_instance_of": "must be an instance of {class}",
}
"""By pydantic's type of the error; the actual value follows."""
_ALONE: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "string_too_long": "must have {max_length} characters at most",
    "string_too_short": "must have {min_length} characters at least",
    "too_short": "must have {min_length} items at least",
    "too_long": "must have {max_length} items at most",
}
"""The same, if nothing follows."""
_MOST_SHOWN: Final = 40
_MOST_BITS: Final = 64


class Fault(NamedTuple):
    """The path of the field at fault, and what is wrong with it."""

    path: tuple[str, ...]
    words: str


def first_fault(error: ValidationError, *, show_text: bool = False) -> Fault:
    """Return the first fault that pydantic found; `show_text` if the words may quote a text."""
    first = error.errors(include_url=False)[0]
    kind, context = first["type"], {name: _plain(value) for name, value in first.get("ctx", {}).items()}
    path = tuple(str(part) for part in first["loc"])
    if context.get("min_length") == 1:
        return Fault(path, "must not be empty")
    if kind in _ALONE:
        return Fault(path, _ALONE[kind].format_map(context))
    if context.get("class") == "Level":
        kind, context = "literal_error", {"expected": f"one of {', '.join(LEVEL_NAMES)}"}
    if kind in _WANTED:
        return Fault(path, _WANTED[kind].format_map(context) + _there(first["input"], show_text))
    words = first["msg"].removeprefix("Value error, ")
    return Fault(path, words[0].lower() + words[1:])


def _there(value: Any, show_text: bool) -> str:
    """Return the end of the words: the actual value."""
    match value:
        case str():
            there = ascii(value[:_MOST_SHOWN]) if show_text else "this string"
        case None | bool():
            there = {None: "null", True: "true", False: "false"}[value]
        case int() if value.bit_length() > _MOST_BITS:
            there = f"one of more than {_MOST_BITS} bits"
        case int() | float():
            there = repr(value)
        case list():
            there = "a list"
        case dict():
            there = "an object"
        case _:
            there = f"of type {type(value).__name__}"
    return f", not {there}"


def _plain(limit: Any) -> Any:
    """Return a limit as people write it: 1, not 1.0."""
    return int(limit) if isinstance(limit, float) and limit.is_integer() else limit


def fault_at(path: Iterable[str], words: str) -> ValidationError:
    """Return the error for a validator to raise: what is wrong at this path inside its value, without the value."""
    error = PydanticCustomError("fault", "{words}", {"words": words})
    return ValidationError.from_exception_data("", [InitErrorDetails(type=error, loc=tuple(path), input=None)])
