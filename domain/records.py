"""What stands in the tables, as people and programs read it: one frozen record per table of CONTRACT §5.

`took_seconds` stands in no table: it is the time from start to end, if both have a time of their own (a producer's, not
the journal's) and the end is not before the start, as it may be if two clocks told them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEvent:
    """A row of the journal; `raw` is the event's JSON text exactly as it came."""

    source: str
    id: str
    type: str
    subject: str
    time: datetime | None
    sequence: str | None
    partition: int
    raw: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    id: str
    status: str
    attempt: int
    workflow_id: str | None
    workspace_id: str | None
    sandbox_id: str | None
    agent_id: str | None
    user_id: str | None
    parent_execution_id: str | None
    retry_of: str | None
    mode: str | None
    trigger_type: str | None
    input: Any
    output: Any
    error: dict[str, Any] | None
    reason: str | None
    usage: dict[str, Any] | None
    initial_state: dict[str, Any] | None
    current_state: dict[str, Any] | None
    final_state: dict[str, Any] | None
    iterations: int | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    took_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionLog:
    """One run of a node."""

    execution_id: str
    node: str
    iteration: int
    attempt: int
    status: str
    agent_id: str | None
    input: Any
    output: Any
    error: dict[str, Any] | None
    reason: str | None
    usage: dict[str, Any] | None
    state: dict[str, Any] | None
    started_at: datetime | None
    finished_at: datetime | None
    took_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A unit of work of a platform; not a Celery task."""

    id: str
    status: str
    attempt: int
    name: str | None
    kind: str | None
    execution_id: str | None
    parent_task_id: str | None
    retry_of: str | None
    workspace_id: str | None
    sandbox_id: str | None
    agent_id: str | None
    user_id: str | None
    priority: int | None
    input: Any
    worker: str | None
    output: Any
    error: dict[str, Any] | None
    reason: str | None
    usage: dict[str, Any] | None
    progress: float | None
    progress_message: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    took_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLog:
    """A log line of a task, or of an execution (and there, perhaps, of a node)."""

    source: str
    event_id: str
    task_id: str | None
    execution_id: str | None
    node: str | None
    iteration: int | None
    level: str
    message: str
    logger: str | None
    context: dict[str, Any] | None
    time: datetime
    sequence: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    id: str
    from_sandbox_id: str | None
    workspace_id: str | None
    message_type: str | None
    content: Any
    thread_id: str | None
    in_reply_to: str | None
    execution_id: str | None
    task_id: str | None
    priority: int | None
    expires_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Where a message stands with one of its recipients."""

    message_id: str
    to_sandbox_id: str
    status: str
    sent_at: datetime | None
    delivered_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    id: str
    status: str
    name: str | None
    description: str | None
    user_id: str | None
    settings: dict[str, Any] | None
    reason: str | None
    created_at: datetime
    archived_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """Where an agent lives: whatever has a mailbox. `status_at` is the time of the report that stands."""

    id: str
    status: str
    workspace_id: str | None
    name: str | None
    description: str | None
    agent_id: str | None
    user_id: str | None
    container_id: str | None
    agent_config: dict[str, Any] | None
    resource_limits: dict[str, Any] | None
    connection: dict[str, Any] | None
    health: dict[str, Any] | None
    error: dict[str, Any] | None
    reason: str | None
    created_at: datetime
    started_at: datetime | None
    status_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """An entry that could not be recorded: its exact bytes, why, and what could still be read of it."""

    id: str
    stream: str
    entry_id: str
    raw: bytes
    reason: str
    field: str
    detail: str
    type: str | None
    source: str | None
    subject: str | None
    event_id: str | None
    first_seen: datetime
    attempts: int
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedDeadLetter:
    """A dead letter as it stands in a list: without its bytes, of which there may be many; `size` says how many."""

    id: str
    stream: str
    entry_id: str
    size: int
    reason: str
    field: str
    detail: str
    type: str | None
    source: str | None
    subject: str | None
    event_id: str | None
    first_seen: datetime
    attempts: int
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterDeed:
    """What somebody did with a dead letter: a row of its audit trail, which is only ever added to.

    `source` and `event_id` name the event that was sent, or refused, where it has a name; `stream` and `entry_id` are
    what it was sent as; `raw` its exact bytes where they are not the dead letter's own; `detail` says why.
    """

    id: str
    dead_letter_id: str
    at: datetime
    who: str
    action: str
    source: str | None = None
    event_id: str | None = None
    stream: str | None = None
    entry_id: str | None = None
    raw: bytes | None = None
    detail: str = ""
