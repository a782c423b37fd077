"""What the events share: the kinds of their fields, and the parts that several types have."""

from __future__ import annotations

import math
import traceback
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
)

from flowledger.domain.errors import Reason, Refused, UnknownField
from flowledger.domain.likeness import did_you_mean, nearest
from flowledger.domain.limits import Limits
from flowledger.domain.statuses import LEVEL_NAMES, Level, Status
from flowledger.domain.times import parse_time, written_time
from flowledger.domain.validation import first_fault

INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1


def _level(value: object) -> object:
    return LEVEL_NAMES.get(value.lower(), value) if isinstance(value, str) else value


def _not_blank(value: str) -> str:
    if value.isspace():
        raise ValueError("must not be white space alone")
    return value


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
ShortName = Annotated[str, Field(min_length=1, max_length=255)]
Name = Annotated[ShortName, AfterValidator(_not_blank)]
Tags = Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], Field(max_length=64)]
LogLevel = Annotated[Level, BeforeValidator(_level)]
Time = Annotated[datetime, BeforeValidator(_time), PlainSerializer(written_time)]


_TRACEBACK: Final = 64 * 1024


def refused_data(error: ValidationError, *within: str) -> Refused:
    """Return the refusal that says, in our words, what pydantic found wrong with data that stands at `within`."""
    path, words = first_fault(error)
    return Refused(Reason.INVALID_DATA, ".".join((*within, *path)), words)


class Part(BaseModel):
    """An object in the data of an event: the fields known here are checked, further ones are kept as they are.

    Raises Refused for a field that breaks the contract.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="allow")

    def __init__(self, /, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise refused_data(error) from None

    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined] # as below


class Error(Part):
    """What went wrong, as its platform says it."""

    message: str
    type: str | None = None
    traceback: str | None = None

    @classmethod
    def of(cls, exception: BaseException) -> Self:
        """Return the error that an exception is: its message, type and traceback, whose last 64 Ki characters stay.

        A message may hold what should not be told: whoever raised it decides.
        """
        kind = f"{type(exception).__module__}.{type(exception).__qualname__}".removeprefix("builtins.")
        text = "".join(traceback.format_exception(exception))
        return cls(message=str(exception) or kind, type=kind, traceback=text[-_TRACEBACK:])


class EventData(BaseModel):
    """Base of the data of all events.

    `event_type` is the CloudEvents `type`; `status` is the status that the event reports of its subject, if any;
    `keeps_null` are the fields in which `null` is a value of its own (CONTRACT §2). `speaker` is the field that names
    who must sign the event if signatures are required, `by_ledger` says that the ledger alone may
    (`domain.signatures`), and `moves` that it may put its subject into a workspace, or take it out.

    Data that is read (`model_validate`) may have further fields, for the wire is tolerant. `TaskCompleted(…)` raises
    UnknownField for a field that the class does not have, and Refused for one that breaks the contract.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    event_type: ClassVar[str]
    status: ClassVar[StrEnum | None] = None
    keeps_null: ClassVar[frozenset[str]] = frozenset()
    speaker: ClassVar[str | None] = None
    by_ledger: ClassVar[bool] = False
    moves: ClassVar[bool] = False

    attempt: Attempt = 1

    def __init__(self, /, **fields: Any) -> None:
        known = type(self).model_fields
        unknown = next((name for name in fields if name not in known), None)
        if unknown is not None:
            hint = did_you_mean(nearest(unknown, known.keys() - fields.keys())) or f"; it has {', '.join(known)}"
            raise UnknownField(f"{type(self).__name__} has no field {unknown!a}{hint}")
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise refused_data(error, "data") from None

    def partition_key(self, subject: str) -> str:
        """Return what decides the shard, unless the event has a `partitionkey` (CONTRACT §1)."""
        return subject

    def check(self, limits: Limits) -> None:
        """Raise BeyondLimit, with the path of the field, if a limit that is a setting is exceeded."""

    # By this mark pydantic knows that reading need not come by here: it makes objects from JSON by itself.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]


class Described(EventData):
    """The fields of a description: `created` may carry them, `updated` may change them."""

    @classmethod
    def described_fields(cls) -> frozenset[str]:
        """The names of the fields of the description."""
        return frozenset(cls.model_fields) - {"attempt"}


class Deleted(EventData):
    """The record is deleted: its row stays, look-ups leave it out. `reason` stands in the journal alone."""

    reason: str | None = None


class Restored(EventData):
    """The record is deleted no more. `reason` stands in the journal alone."""

    reason: str | None = None


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
