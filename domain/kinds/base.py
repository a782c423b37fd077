"""What the events of all kinds share: the base of their data, and the parts that several event types have."""

from __future__ import annotations

import traceback
from enum import StrEnum
from typing import Any, ClassVar, Final, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from flowledger.domain.errors import Reason, Refused, UnknownField
from flowledger.domain.kinds.fields import Attempt, LogLevel, Seconds
from flowledger.domain.likeness import did_you_mean, nearest
from flowledger.domain.limits import Limits
from flowledger.domain.statuses import Level, Status
from flowledger.domain.validation import first_fault

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
    (`domain.signatures`), `by_registrar` if the ledger or the registrar must sign it, `moves` if the event may add its
    subject to a workspace, or remove it. `only_source` is the only source that the event may have, if it has one.
    `belongs_to` are the fields that name what the event's record is a part of, the first that is given;
    `begins_part` is set if the event begins such a record.

    Data that is read (`model_validate`) may have further fields, which are ignored. `TaskCompleted(…)` raises
    UnknownField for a field that the class does not have, and Refused for one that breaks the contract.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    event_type: ClassVar[str]
    status: ClassVar[StrEnum | None] = None
    keeps_null: ClassVar[frozenset[str]] = frozenset()
    speaker: ClassVar[str | None] = None
    by_ledger: ClassVar[bool] = False
    by_registrar: ClassVar[bool] = False
    moves: ClassVar[bool] = False
    only_source: ClassVar[str | None] = None
    belongs_to: ClassVar[tuple[str, ...]] = ()
    begins_part: ClassVar[bool] = False

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

    def owner(self) -> str | None:
        """Return what the event's record is a part of: the execution of a task, the execution or task of a message."""
        for name in self.belongs_to:
            owner: str | None = getattr(self, name)
            if owner is not None:
                return owner
        return None

    def check(self, limits: Limits) -> None:
        """Raise BeyondLimit, with the path of the field, if the data exceeds a limit that is a setting."""

    # With this mark pydantic does not call `__init__` when it makes objects from JSON.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]


class Governed(EventData):
    """Base of the events of kinds that the ledger and the registrar govern: with signatures, one of them signs."""

    by_registrar = True


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
