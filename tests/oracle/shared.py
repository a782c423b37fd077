"""What agents share: collaborations and knowledge (CONTRACT-RECORDS sections 1 and 3)."""

from __future__ import annotations

from tests.oracle.events import Event
from tests.oracle.rule import Key, Row, earliest, of, owner, status, subject

COLLABORATION_DESCRIPTION = (
    "name", "description", "workspace_id", "user_id", "coordinator_id", "member_ids", "execution_ids", "mode", "goal",
    "policy",
)  # fmt: skip
KNOWLEDGE_DESCRIPTION = (
    "title", "content", "kind", "agent_id", "workspace_id", "user_id", "execution_id", "tags", "confidence", "data",
)  # fmt: skip


def collaboration(_key: Key, events: list[Event]) -> Row:
    """A row of `collaborations`: ranks, start and progress as a task's."""
    progress = owner(of(events, "collaboration.progressed"))
    return {
        **subject(events, "collaboration", COLLABORATION_DESCRIPTION),
        **status(events, ("output", "error", "reason")),
        "progress": progress and float(progress.data["progress"]),
        "progress_message": progress and progress.get("message"),
        "started_at": earliest(of(events, "collaboration.started")),
    }


def knowledge(_key: Key, events: list[Event]) -> Row:
    """A row of `knowledge`, which has no status."""
    return subject(events, "knowledge", KNOWLEDGE_DESCRIPTION)
