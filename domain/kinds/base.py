"""What the events share: the types of their fields, and the parts that several event types have."""

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
    """Return a number as a double, and any other value as it is, for the type to refuse."""
    if not isinstance(value, int | Decimal) or isinstance(value, bool):
        return value
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


Id = Annotated[str, Field(min_length=1)]
"""Its length, which is a setting, and its characters are checked by `domain.envelope.parse`."""
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
    """Return the refusal, in our words, of the first fault that pydantic found in the data at the path `within`."""
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
    """What went wrong, as reported by the platform."""

    message: str
    type: str | None = None
    traceback: str | None = None

    @classmethod
    def of(cls, exception: BaseException) -> Self:
        """Return the error of an exception: message, type, and the last 64 Ki characters of the traceback.

        The message is not checked for secrets: the code that raised the exception decides what it holds.
        """
        kind = f"{type(exception).__module__}.{type(exception).__qualname__}".removeprefix("builtins.")
        text = "".join(traceback.format_exception(exception))
        return cls(message=str(exception) or kind, type=kind, traceback=text[-_TRACEBACK:])


class EventData(BaseModel):
    """Base of the data of all events.

    `event_type` is the CloudEvents `type`; `status` is the status that the event reports for its subject, if any;
    `keeps_null` are the fields in which `null` is a value of its own (CONTRACT §2). `speaker` is the field that names
    who must sign the event if signatures are required. `by_ledger` is set if the ledger alone may sign it
    (`domain.signatures`), `moves` if the event may add its subject to a workspace, or remove it. `signers` are the
    names of which one must sign it if signatures are required; empty if the other rules decide.

    Data that is read (`model_validate`) may have further fields, which are ignored. `TaskCompleted(…)` raises
    UnknownField for a field that the class does not have, and Refused for one that breaks the contract.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    event_type: ClassVar[str]
    status: ClassVar[StrEnum | None] = None
    keeps_null: ClassVar[frozenset[str]] = frozenset()
    speaker: ClassVar[str | None] = None
    by_ledger: ClassVar[bool] = False
    moves: ClassVar[bool] = False
    signers: ClassVar[tuple[str, ...]] = ()

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
        """Return the key that decides the shard if the event has no `partitionkey` (CONTRACT §1)."""
        return subject

    def check(self, limits: Limits) -> None:
        """Raise BeyondLimit, with the path of the field, if the data exceeds a limit that is a setting."""

    # With this mark pydantic does not call `__init__` when it makes objects from JSON.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]


class Described(EventData):
    """The fields of a description: `created` may carry them, `updated` may change them."""

    @classmethod
    def described_fields(cls) -> frozenset[str]:
        """Return the names of the fields of the description."""
        return frozenset(cls.model_fields) - {"attempt"}


class Deleted(EventData):
    """The record is deleted: its row is kept, and look-ups omit it. `reason` is in the journal alone."""

    reason: str | None = None


class Restored(EventData):
    """The record is no longer deleted. `reason` is in the journal alone."""

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
