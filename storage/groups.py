"""Column groups: the merge rule of CONTRACT §3 as data; `storage.writes` makes SQL of it.

Within a row each group belongs, as a whole, to the event with the greatest key (or, for the earliest of times, the
least). The row keeps that key beside the group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flowledger.storage.tables import DESCRIBED


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Columns that have one owner; `key` is the column that holds the owner's key.

    `least` marks a group that belongs to the least key. `bind` names the parameter of the key: groups that one event
    always writes with the same key share it. With a `place`, an event may leave the group out: bit `place` of the
    parameter `mask_bind` says whether it carries it.
    """

    columns: tuple[str, ...]
    key: str
    bind: str
    least: bool = False
    place: int | None = None

    @property
    def mask_bind(self) -> str:
        return f"{self.bind}_mask"


def _group(key: str, *columns: str, least: bool = False) -> Group:
    return Group(columns, key, key, least)


CREATED_AT: Final = _group("created_at_key", "created_at", least=True)
STARTED_AT: Final = _group("started_at_key", "started_at", least=True)
EXECUTION_STATUS: Final = _group(
    "status_key", "status", "attempt", "error", "output", "reason", "usage", "final_state", "finished_at"
)
TASK_STATUS: Final = _group("status_key", "status", "attempt", "error", "output", "reason", "usage", "finished_at")
NODE_STATUS: Final = _group("status_key", "status", "error", "output", "reason", "usage", "state", "finished_at")
TASK_START: Final = _group("start_key", "worker")
NODE_START: Final = _group("start_key", "input", "agent_id")
CHECKPOINT: Final = _group("current_state_key", "current_state")
PROGRESS: Final = _group("progress_key", "progress", "progress_message")
ITERATIONS: Final = Group((), "iterations", "iterations")
SENT: Final = _group(
    "sent_key", "from_sandbox_id", "workspace_id", "message_type", "content", "thread_id",
    "in_reply_to", "execution_id", "task_id", "priority", "expires_at",
)  # fmt: skip
DELIVERY_STATUS: Final = _group("status_key", "status", "reason")
SENT_AT: Final = _group("sent_at_key", "sent_at", least=True)
DELIVERED_AT: Final = _group("delivered_at_key", "delivered_at", least=True)
WORKSPACE_STATUS: Final = _group("status_key", "status", "reason", "archived_at")
SANDBOX_STATUS: Final = _group("status_key", "status", "error", "reason", "status_at")
DESCRIPTION: Final = {
    table: {
        field: Group((field,), f"{field}_key", "description_key", place=place) for place, field in enumerate(fields)
    }
    for table, fields in DESCRIBED.items()
}
"""Each field of a description is a group by itself."""
