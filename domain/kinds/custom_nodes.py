"""Custom nodes, of which workflows can be made: statuses, events and the record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, WithJsonSchema

from flowledger.domain.kinds.base import (
    Deleted,
    Described,
    Reasoned,
    Restored,
)
from flowledger.domain.kinds.fields import Id, Name
from flowledger.domain.kinds.unclassified import UnclassifiedObject
from flowledger.domain.kinds.workflows import Visibility
from flowledger.domain.statuses import Switch

__all__ = [
    "CustomNodeCreated",
    "CustomNodeDeleted",
    "CustomNodeDisabled",
    "CustomNodeEnabled",
    "CustomNodeRestored",
    "CustomNodeUpdated",
]


def _object_or_list(value: object) -> object:
    if isinstance(value, dict | list):
        return value
    raise ValueError("must be a JSON object or a list")


ObjectOrList = Annotated[
    Any,
    AfterValidator(_object_or_list),
    WithJsonSchema({"title": "ObjectOrList", "description": "An object or a list.", "type": ["object", "array"]}),
]


class _Description(Described):
    name: Name | None = None
    category: Name | None = None
    description: str | None = None
    workspace_id: Id | None = None
    user_id: Id | None = None
    visibility: Visibility | None = None
    version: str | None = None
    language: str | None = None
    code: str | None = None
    inputs: ObjectOrList | None = None
    outputs: ObjectOrList | None = None
    config: UnclassifiedObject | None = None


class CustomNodeCreated(_Description):
    """A node that users have made for their workflows exists."""

    event_type = "custom_node.created"
    status = Switch.ENABLED


class CustomNodeUpdated(_Description):
    """Fields of its description change."""

    event_type = "custom_node.updated"
    keeps_null = _Description.described_fields()


class CustomNodeEnabled(Reasoned):
    """It may be used."""

    event_type = "custom_node.enabled"
    status = Switch.ENABLED


class CustomNodeDisabled(Reasoned):
    """It may not be used."""

    event_type = "custom_node.disabled"
    status = Switch.DISABLED


class CustomNodeDeleted(Deleted):
    event_type = "custom_node.deleted"


class CustomNodeRestored(Restored):
    event_type = "custom_node.restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomNode:
    """A custom node; `status_at` is the time of the report that counts."""

    id: str
    status: str
    name: str | None
    category: str | None
    description: str | None
    workspace_id: str | None
    user_id: str | None
    visibility: str | None
    version: str | None
    language: str | None
    code: str | None
    inputs: dict[str, Any] | list[Any] | None
    outputs: dict[str, Any] | list[Any] | None
    config: dict[str, Any] | None
    reason: str | None
    created_at: datetime
    updated_at: datetime
    status_at: datetime | None
    deleted_at: datetime | None


EVENTS: Final = (
    CustomNodeCreated,
    CustomNodeUpdated,
    CustomNodeEnabled,
    CustomNodeDisabled,
    CustomNodeDeleted,
    CustomNodeRestored,
)
