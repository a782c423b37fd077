"""Lines of the audit log: the event and the record. No event changes a line or deletes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from flowledger.domain.kinds.base import Governed
from flowledger.domain.kinds.fields import Id, Name

__all__ = ["AuditLogged"]


class AuditLogged(Governed):
    """Somebody did something to the subject."""

    action: Name
    user_id: Id | None = None
    resource_type: Name | None = None
    event_type: Name | None = None  # type: ignore[misc, assignment] # a field of the data; the class's type is below
    details: dict[str, Any] | None = None
    ip_address: str | None = None
    success: bool = True


AuditLogged.event_type = "audit.logged"  # the class has the type, its objects have the field


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLog:
    """A line of the audit log: what was done to the resource `resource_id`, by whom, and whether it succeeded."""

    source: str
    event_id: str
    resource_id: str
    action: str
    user_id: str | None
    resource_type: str | None
    event_type: str | None
    details: dict[str, Any] | None
    ip_address: str | None
    success: bool
    time: datetime


EVENTS: Final = (AuditLogged,)
