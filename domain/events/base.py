"""What the events share: the kinds of their fields, and the parts that several types have."""

from __future__ import annotations

import math
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from domain.statuses import LEVEL_NAMES, Level, SandboxStatus, Status, WorkspaceStatus
from domain.times import parse_time, written_time

INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1


def _level(value: object) -> object:
    return LEVEL_NAMES.get(value.lower(), value) if isinstance(value, str) else value


def _time(value: object) -> object:
    if isinstance(value, str):
        return parse_time(value)
    return value


def as_double(value: object) -> object:
    """A number as the double that stands for it; anything else as it is, for the type to refuse."""
    if not isinstance(value, int | Decimal) or isinstance(value, bool):
        return value
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


Id = Annotated[str, Field(min_length=1)]
"""How long it may be, and of which characters, is `domain.envelope.parse`'s to check: the one is a setting."""
Int = Annotated[int, Field(ge=INT64_MIN, le=INT64_MAX)]
Attempt = Annotated[int, Field(ge=1, le=INT64_MAX)]
Seconds = Annotated[float, BeforeValidator(as_double), Field(ge=0)]
Fraction = Annotated[float, BeforeValidator(as_double), Field(ge=0, le=1)]
LogLevel = Annotated[Level, BeforeValidator(_level)]
Time = Annotated[datetime, BeforeValidator(_time), PlainSerializer(written_time)]


class Part(BaseModel):
    """An object in the data of an event: the fields known here are checked, further ones are kept as they are."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow")


class Error(Part):
    """What went wrong, as its platform says it."""

    message: str
    type: str | None = None
    traceback: str | None = None


class EventData(BaseModel):
    """Base of the data of all events.

    `event_type` is the CloudEvents `type`; `status` is what the event says of its subject, where it says any;
    `keeps_null` are the fields in which `null` is a value of its own (CONTRACT §2).
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    event_type: ClassVar[str]
    status: ClassVar[Status | WorkspaceStatus | SandboxStatus | None] = None
    keeps_null: ClassVar[frozenset[str]] = frozenset()

    attempt: Attempt = 1


class Described(EventData):
    """The fields of a description: `created` may carry them, `updated` may change them."""

    @classmethod
    def described_fields(cls) -> frozenset[str]:
        """The names of the fields of the description."""
        return frozenset(cls.model_fields) - {"attempt"}


class Queued(EventData):
    status = Status.QUEUED
    queue: str | None = None


class Reasoned(EventData):
    reason: str | None = None


class Retrying(EventData):
    """`attempt` is the new one, and required."""

    status = Status.RETRYING
    attempt: Attempt
    error: Error | None = None
    delay_seconds: Seconds | None = None


class TimedOut(EventData):
    status = Status.TIMED_OUT
    timeout_seconds: Seconds | None = None


class Logged(EventData):
    message: str
    level: LogLevel = Level.INFO
    logger: str | None = None
    context: dict[str, Any] | None = None
