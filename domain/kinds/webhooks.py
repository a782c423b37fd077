"""Webhooks, by which other systems start executions: statuses, events and the record."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator

from flowledger.domain.kinds.base import (
    Deleted,
    Described,
    Governed,
    Reasoned,
    Restored,
)
from flowledger.domain.kinds.fields import Id, Name, named
from flowledger.domain.names import LONGEST_NAME, is_name
from flowledger.domain.patterns import NOT_BLANK
from flowledger.domain.statuses import Switch
from flowledger.domain.validation import fault_at

__all__ = [
    "WebhookCreated",
    "WebhookDeleted",
    "WebhookDisabled",
    "WebhookEnabled",
    "WebhookRestored",
    "WebhookUpdated",
]

_NETWORK: Final = (
    "must be an IPv4 or IPv6 address or network, like 192.0.2.7 or 2001:db8::/32, without host bits and without a scope"
)
_MAPPED: Final = (
    'must be a JSON pointer into the body, like /order/id, or {"header": NAME}, or {"value": …} with any value'
)
_TARGET: Final = "must have names of 1 to 255 characters, not all of them white space"
_LONGEST_IN_PATH: Final = 100
_WRONG_ESCAPE: Final = re.compile("~(?![01])")
"""In a JSON pointer (RFC 6901), `~0` and `~1` are the only escapes."""


_ORIGINS: Final[list[dict[str, Any]]] = [
    {"type": "string", "pattern": "^(/([^~]|~[01])*)?$"},
    {
        "type": "object",
        "properties": {"header": {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME, "pattern": NOT_BLANK}},
        "required": ["header"],
        "maxProperties": 1,
    },
    {"type": "object", "required": ["value"], "maxProperties": 1},
]
"""What `_is_origin` takes, in JSON Schema."""


def _network(value: str) -> str:
    try:
        ipaddress.ip_network(value)
    except ValueError:
        raise ValueError(_NETWORK) from None
    if "%" in value:
        raise ValueError(_NETWORK)
    return value


def _input_mapping(value: dict[str, Any]) -> dict[str, Any]:
    for target, origin in value.items():
        if not is_name(target):
            raise fault_at((), _TARGET)
        if not _is_origin(origin):
            raise fault_at((target[:_LONGEST_IN_PATH],), _MAPPED)
    return value


def _is_origin(origin: Any) -> bool:
    """Return whether this tells where a value comes from: a JSON pointer, a header, or the value itself."""
    if isinstance(origin, str):
        return (not origin or origin.startswith("/")) and not _WRONG_ESCAPE.search(origin)
    if not isinstance(origin, dict) or len(origin) != 1:
        return False
    return "value" in origin or is_name(origin.get("header"))


Network = Annotated[
    str,
    AfterValidator(_network),
    named(
        "Network",
        "An IPv4 or IPv6 address or network, without host bits and without a scope.",
        pattern="^[0-9A-Fa-f:.]+(/[0-9.]+)?$",
        examples=["192.0.2.0/24", "2001:db8::/32", "::1"],
    ),
]
InputMapping = Annotated[
    dict[str, Any],
    AfterValidator(_input_mapping),
    named(
        "InputMapping",
        "Names of the input, each with a JSON pointer (RFC 6901) into the body, a header, or a value.",
        propertyNames={"minLength": 1, "maxLength": LONGEST_NAME, "pattern": NOT_BLANK},
        additionalProperties={"anyOf": _ORIGINS},
        examples=[{"order": "/order/id", "key": {"header": "X-Key"}, "kind": {"value": "sale"}}],
    ),
]


class _Description(Described, Governed):
    name: Name | None = None
    workflow_id: Id | None = None
    workspace_id: Id | None = None
    user_id: Id | None = None
    secret_names: list[Name] | None = None
    allowed_ips: list[Network] | None = None
    input_mapping: InputMapping | None = None


class WebhookCreated(_Description):
    """An address that starts executions when it is called exists."""

    event_type = "webhook.created"
    status = Switch.ENABLED


class WebhookUpdated(_Description):
    """Fields of its description change."""

    event_type = "webhook.updated"
    keeps_null = _Description.described_fields()


class WebhookEnabled(Reasoned, Governed):
    """Calls start executions."""

    event_type = "webhook.enabled"
    status = Switch.ENABLED


class WebhookDisabled(Reasoned, Governed):
    """Calls are refused."""

    event_type = "webhook.disabled"
    status = Switch.DISABLED


class WebhookDeleted(Deleted, Governed):
    event_type = "webhook.deleted"


class WebhookRestored(Restored, Governed):
    event_type = "webhook.restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A webhook; `secret_names` are names in the vault, `status_at` is the time of the report that counts."""

    id: str
    status: str
    name: str | None
    workflow_id: str | None
    workspace_id: str | None
    user_id: str | None
    secret_names: list[str] | None
    allowed_ips: list[str] | None
    input_mapping: dict[str, Any] | None
    reason: str | None
    created_at: datetime
    updated_at: datetime
    status_at: datetime | None
    deleted_at: datetime | None


EVENTS: Final = (
    WebhookCreated,
    WebhookUpdated,
    WebhookEnabled,
    WebhookDisabled,
    WebhookDeleted,
    WebhookRestored,
)
