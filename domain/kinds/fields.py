"""The types of the fields that events have: what they take, and how their JSON Schema calls and describes them.

A type that `named` describes is one definition of the schemas (`domain.schemas`). Its schema says what JSON Schema can
say of what its validators check, never more: whatever the schema refuses, the model refuses.
"""

from __future__ import annotations

import math
import sys
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from flowledger.domain.limits import DEFAULT_LIMITS
from flowledger.domain.names import LONGEST_NAME
from flowledger.domain.patterns import NO_NUL, NOT_BLANK, any_case
from flowledger.domain.statuses import LEVEL_NAMES, Level
from flowledger.domain.times import TIME_PATTERN, in_utc, parse_time, written_time

INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1
GREATEST_DOUBLE: Final = sys.float_info.max


def named(name: str, description: str, **keywords: Any) -> Any:
    """Return the name and the description of a type in JSON Schema, and what its schema says besides."""
    return Field(title=name, description=description, json_schema_extra=keywords)


def _level(value: object) -> object:
    return LEVEL_NAMES.get(value.lower(), value) if isinstance(value, str) else value


def _not_blank(value: str) -> str:
    if value.isspace():
        raise ValueError("must not be white space alone")
    return value


def _time(value: object) -> object:
    if isinstance(value, str):
        return parse_time(value)
    if isinstance(value, datetime) and value.tzinfo is not None:
        in_utc(value)
    return value


def as_double(value: object) -> object:
    """Return a number as a double, and any other value as it is, for the type to refuse."""
    if not isinstance(value, int | Decimal) or isinstance(value, bool):
        return value
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


Id = Annotated[
    str,
    Field(min_length=1),
    named(
        "Id",
        "Opaque text of 1 to 512 bytes of UTF-8, without U+0000.",
        maxLength=DEFAULT_LIMITS.max_id_bytes,
        pattern=NO_NUL,
    ),
]
"""Its length, which is a setting, and its characters are checked by `domain.envelope.parse`."""
Int = Annotated[
    int,
    Field(ge=INT64_MIN, le=INT64_MAX),
    named("Int", "A whole number of 64 bits, written without fraction and exponent."),
]
Attempt = Annotated[
    int,
    Field(ge=1, le=INT64_MAX),
    named("Attempt", "The number of the attempt, from 1: a new one reopens what has ended."),
]
Count = Annotated[int, Field(ge=0, le=INT64_MAX), named("Count", "A number of things: 0 or more, of 64 bits.")]
Seconds = Annotated[float, Field(ge=0), BeforeValidator(as_double), named("Seconds", "Seconds, perhaps with a part.")]
Fraction = Annotated[float, Field(ge=0, le=1), BeforeValidator(as_double), named("Fraction", "A number from 0 to 1.")]
Value = Annotated[
    float,
    Field(allow_inf_nan=False),
    BeforeValidator(as_double),
    named("Value", "The nearest double is recorded.", minimum=-GREATEST_DOUBLE, maximum=GREATEST_DOUBLE),
]
"""The nearest double, also of an integer beyond 2^53."""
Amount = Annotated[
    float,
    Field(ge=0, allow_inf_nan=False),
    BeforeValidator(as_double),
    named("Amount", "A number that a double can hold, 0 or more.", maximum=GREATEST_DOUBLE),
]
"""A number that a double can hold, since it is stored in a row."""
ShortName = Annotated[
    str, Field(min_length=1, max_length=LONGEST_NAME), named("ShortText", "A text of 1 to 255 characters.")
]
Name = Annotated[
    str,
    Field(min_length=1, max_length=LONGEST_NAME),
    AfterValidator(_not_blank),
    named("Name", "A text of 1 to 255 characters, not all of them white space.", pattern=NOT_BLANK),
]
Tags = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=64)]],
    Field(max_length=64),
    named("Tags", "At most 64 texts of 1 to 64 characters. Order and repetitions are kept."),
]
LogLevel = Annotated[
    Level,
    BeforeValidator(_level),
    WithJsonSchema({"type": "string", "pattern": f"^({'|'.join(map(any_case, LEVEL_NAMES))})$"}),
    named("LogLevel", f"One of {', '.join(LEVEL_NAMES)}, in upper or lower case."),
]
Time = Annotated[
    datetime,
    BeforeValidator(_time),
    PlainSerializer(written_time),
    named("Time", "RFC 3339, with a zone; cut to the microsecond. A second of 60 is refused.", pattern=TIME_PATTERN),
]
Usage = Annotated[
    dict[str, Any],
    named(
        "Usage",
        "What was used: `model`, `input_tokens`, `output_tokens`, `cost`; further fields are kept.",
        examples=[{"model": "large", "input_tokens": 812, "output_tokens": 96, "cost": 0.0131}],
    ),
]
