"""The kinds of records: for each, its statuses, its events and the record, in one file (CONTRACT §4).

Unknown fields of data are ignored here (the journal keeps them). `null` is dropped before a model sees it, except in
the fields of `keeps_null`.
"""

from __future__ import annotations

from typing import Final

from flowledger.domain.kinds import (
    agents,
    audit,
    collaborations,
    custom_nodes,
    executions,
    knowledge,
    mcp_servers,
    messages,
    metrics,
    sandboxes,
    schedules,
    tasks,
    users,
    webhooks,
    workflows,
    workspaces,
)
from flowledger.domain.kinds.base import EventData

_KINDS: Final = (
    executions,
    tasks,
    messages,
    workspaces,
    sandboxes,
    agents,
    workflows,
    users,
    custom_nodes,
    mcp_servers,
    webhooks,
    schedules,
    collaborations,
    knowledge,
    metrics,
    audit,
)

EVENT_TYPES: Final[dict[str, type[EventData]]] = {model.event_type: model for kind in _KINDS for model in kind.EVENTS}
"""Every event type, and the model of its data."""
