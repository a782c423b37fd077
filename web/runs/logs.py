"""The log of an execution with those of its tasks, or of a task: the last lines, those before them, and new ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from flowledger.domain.kinds.executions import Execution
from flowledger.domain.kinds.tasks import Task
from flowledger.domain.statuses import Level
from flowledger.storage.kinds.logs import Lines, TaskLogRepository
from flowledger.storage.kinds.tasks import TaskRepository

LINES: Final = 200
TASKS: Final = 200
"""Tasks of an execution whose lines are shown among its own: the first ones."""
LEVELS: Final = tuple(level.value for level in Level)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked for: lines of this level or a graver one, those `before` a cursor or `after` one, or the last.

    From the `start`, the first ones. `own` leaves out the lines of an execution's tasks.
    """

    level: str | None = None
    before: str | None = None
    after: str | None = None
    start: bool = False
    own: bool = False

    @property
    def levels(self) -> tuple[str, ...] | None:
        """Return the levels to show; None is all."""
        return LEVELS[LEVELS.index(self.level) :] if self.level in LEVELS else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Some lines. `tasks` are those that lines may be of, by id; `more_tasks` says that others are left out."""

    lines: Lines
    tasks: Mapping[str, Task]
    more_tasks: bool


def log_of(connection: Connection, subject: Execution | Task, asked: Asked) -> Log:
    """Return lines of an execution and of its first tasks, or of a task. One or two queries. Raises BadCursor."""
    tasks: dict[str, Task] = {}
    more = False
    if isinstance(subject, Task):
        tasks = {subject.id: subject}
    elif not asked.own:
        page = TaskRepository(connection).of_execution(subject.id, limit=TASKS)
        tasks, more = {task.id: task for task in page.items}, page.cursor is not None
    lines = TaskLogRepository(connection).of_run(
        None if isinstance(subject, Task) else subject.id,
        tuple(tasks),
        level=asked.levels,
        last=asked.after is None and not asked.start,
        limit=LINES,
        after=asked.after or asked.before,
    )
    return Log(lines=lines, tasks=tasks, more_tasks=more)
