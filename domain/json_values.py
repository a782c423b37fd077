"""How values of types that JSON does not have are written in an event's text.

UUIDs and paths are written as text, members of an Enum as their value, times in UTC as everywhere, dates as
`2026-01-31`, dataclasses and pydantic models as objects, numpy's arrays and scalars as lists and numbers. Other types
are registered:

    json_value.register(Money, lambda money: {"amount": str(money.amount), "currency": money.currency})
"""

from __future__ import annotations

import dataclasses
from datetime import date, datetime
from enum import Enum
from functools import singledispatch
from pathlib import PurePath
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from flowledger.domain.times import written_time


@singledispatch
def json_value(value: Any) -> Any:
    """Return the value to write for `value`; it may hold such values itself. Raises TypeError for an unknown type."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return value.tolist()
    kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
    raise TypeError(f"JSON has no values of type {kind}: give text, or register it (flowledger.json_value)")


@json_value.register
def _(value: datetime) -> str:
    return written_time(value)


@json_value.register
def _(value: date) -> str:
    return value.isoformat()


@json_value.register
def _(value: Enum) -> Any:
    return value.value


@json_value.register
def _(value: BaseModel) -> dict[str, Any]:
    return value.model_dump()


@json_value.register(UUID)
@json_value.register(PurePath)
def _(value: object) -> str:
    return str(value)
