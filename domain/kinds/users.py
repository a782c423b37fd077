"""Users: statuses, events and the record. Passwords and sessions do not travel in events."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import AfterValidator, Field

from flowledger.domain.kinds.base import (
    Deleted,
    Described,
    Governed,
    Reasoned,
    Restored,
)
from flowledger.domain.kinds.fields import Name, named
from flowledger.domain.patterns import WHITE_SPACE

__all__ = [
    "UserActivated",
    "UserCreated",
    "UserDeactivated",
    "UserDeleted",
    "UserRestored",
    "UserUpdated",
]

Role = Literal["admin", "user", "viewer"]
ROLES: Final[tuple[str, ...]] = get_args(Role)
DEFAULT_ROLE: Final[Role] = "user"
"""What a user may do about whom nothing else is said."""

_WHITE_SPACE: Final = re.compile(f"[{WHITE_SPACE}]")
_TO_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


class UserStatus(StrEnum):
    """Whether a user may act. There are no ranks: the last report counts."""

    ACTIVE = "active"
    INACTIVE = "inactive"


def _email(value: str) -> str:
    name, _, host = value.partition("@")
    if not name or not host or "@" in host or _WHITE_SPACE.search(value):
        raise ValueError("must be an e-mail address: one @ with something on both sides, and no white space")
    return value


Email = Annotated[
    str,
    Field(min_length=3, max_length=320),
    AfterValidator(_email),
    named(
        "Email",
        "One @ with something on both sides, and no white space (Unicode's).",
        pattern=f"^[^@{WHITE_SPACE}]+@[^@{WHITE_SPACE}]+$",
    ),
]


def folded(email: str) -> str:
    """Return an e-mail address as it is compared: ASCII letters are the same in upper and lower case."""
    return email.translate(_TO_LOWER)


class _Description(Described, Governed):
    email: Email | None = None
    full_name: Name | None = None
    role: Role | None = None
    settings: dict[str, Any] | None = None


class UserCreated(_Description):
    """A user exists. Passwords do not travel in events."""

    event_type = "user.created"
    status = UserStatus.ACTIVE


class UserUpdated(_Description):
    """Fields of its description change."""

    event_type = "user.updated"
    keeps_null = _Description.described_fields()


class UserActivated(Reasoned, Governed):
    """The user may sign in."""

    event_type = "user.activated"
    status = UserStatus.ACTIVE


class UserDeactivated(Reasoned, Governed):
    """The user may not sign in."""

    event_type = "user.deactivated"
    status = UserStatus.INACTIVE


class UserDeleted(Deleted, Governed):
    event_type = "user.deleted"


class UserRestored(Restored, Governed):
    event_type = "user.restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user; `email` and `full_name` are as they were given, `status_at` is the time of the report that counts."""

    id: str
    status: str
    email: str | None
    full_name: str | None
    role: str | None
    settings: dict[str, Any] | None
    reason: str | None
    created_at: datetime
    updated_at: datetime
    status_at: datetime | None
    deleted_at: datetime | None


EVENTS: Final = (
    UserCreated,
    UserUpdated,
    UserActivated,
    UserDeactivated,
    UserDeleted,
    UserRestored,
)
