"""Log lines of tasks and executions: the record. Their events are in `tasks` and `executions`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


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
