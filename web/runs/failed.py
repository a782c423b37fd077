"""What failed in an execution, first to be seen: its parts with their errors, the last log line, the dead letters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from flowledger.domain.kinds.executions import Execution, ExecutionLog
from flowledger.domain.kinds.logs import TaskLog
from flowledger.domain.kinds.tasks import Task
from flowledger.domain.records import ListedDeadLetter
from flowledger.storage.kinds.executions import ExecutionLogRepository
from flowledger.storage.kinds.logs import TaskLogRepository
from flowledger.storage.kinds.tasks import TaskRepository
from flowledger.storage.ledger.dead_letters import DeadLetterRepository
from flowledger.web.runs.listing import FAILED

SHOWN: Final = 5
"""Parts of each kind that are shown; the list of tasks has all."""
LETTERS: Final = 50


@dataclass(frozen=True, slots=True)
class Failed:
    """The first parts that failed, in order of their begin; `letters` are dead letters about it or its tasks.

    `counts` are those of all its tasks and of all its node runs that failed.
    """

    execution: Execution
    nodes: tuple[ExecutionLog, ...]
    tasks: tuple[Task, ...]
    lines: Mapping[str, TaskLog]
    letters: tuple[ListedDeadLetter, ...]
    counts: Mapping[str, int]

    def __bool__(self) -> bool:
        return self.execution.status in FAILED or bool(self.nodes or self.tasks or self.letters)

    def letters_about(self, subject: str) -> list[ListedDeadLetter]:
        """Return the dead letters about one of them."""
        return [letter for letter in self.letters if letter.subject == subject]


def failed_parts(
    connection: Connection, execution: Execution, counts: Mapping[str, int], subjects: Sequence[str]
) -> Failed:
    """Return what failed in an execution. At most four queries.

    `counts` are those of failed `tasks` and `nodes`; dead letters are looked for at the execution, at the tasks that
    failed first, and at `subjects`.
    """
    nodes: tuple[ExecutionLog, ...] = ()
    tasks: tuple[Task, ...] = ()
    lines: dict[str, TaskLog] = {}
    if counts["nodes"]:
        runs = ExecutionLogRepository(connection)
        nodes = runs.oldest(execution_id=execution.id, status=FAILED, limit=SHOWN).items
    if counts["tasks"]:
        tasks = TaskRepository(connection).in_status(FAILED, execution_id=execution.id, oldest=True, limit=SHOWN).items
        last = TaskLogRepository(connection).last_of_tasks([task.id for task in tasks], limit_each=1)
        lines = {id_: page.items[0] for id_, page in last.items() if page.items}
    about = list(dict.fromkeys([execution.id, *(task.id for task in tasks), *subjects]))
    letters = DeadLetterRepository(connection).about_subjects(about, limit=LETTERS)
    return Failed(execution, nodes, tasks, lines, tuple(letters), counts)


def first_line(record: Any) -> str:
    """Return the first line of a record's error, or its reason; an empty text if it has neither."""
    error = getattr(record, "error", None)
    if not error:
        return str(getattr(record, "reason", None) or "")
    message = str(error.get("message", "")).strip().partition("\n")[0]
    kind = error.get("type")
    return f"{kind}: {message}" if kind else message
