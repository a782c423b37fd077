"""`flowledger show ID`: what is known of one id, and where the lists that belong to it go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection

from flowledger.cli.conversation import Said, conversation
from flowledger.domain.errors import LedgerError
from flowledger.domain.records import (
    Delivery,
    Execution,
    ExecutionLog,
    ListedDeadLetter,
    Message,
    Sandbox,
    Task,
    TaskLog,
    Workspace,
)
from flowledger.domain.statuses import DeadLetterStatus
from flowledger.storage.paging import MAX_LIMIT, BadCursor, Page
from flowledger.storage.repositories import (
    DeadLetterRepository,
    DeliveryRepository,
    ExecutionLogRepository,
    ExecutionRepository,
    MessageRepository,
    SandboxRepository,
    TaskLogRepository,
    TaskRepository,
    WorkspaceRepository,
)
from flowledger.storage.repositories.base import Repository

_LINES: Final = 200
_DEAD_LETTERS: Final = 10
LISTS: Final = ("nodes", "tasks", "deliveries", "sandboxes", "thread", "log")


class NotFound(LedgerError):
    """Nothing that is recorded has this id (yet): see `flowledger status` for what waits to be recorded."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How much of each list is asked for: `lines` of the log, the last ones, and up to `limit` of the others.

    `after` is where one list goes on, as `Shown.next` says it; then this one alone is asked for.
    """

    limit: int = MAX_LIMIT
    lines: int = _LINES
    after: str | None = None

    def cursor(self, name: str) -> str | None:
        """Where this list goes on; None if it begins."""
        begun, _, cursor = (self.after or "").partition(":")
        return cursor if begun == name else None

    def wants(self, name: str) -> bool:
        """Whether this list is asked for."""
        return self.after is None or self.cursor(name) is not None


@dataclass(frozen=True, slots=True)
class Shown:
    """All that is known of one id: the records that have it, and the lists that belong to them, or a part of each.

    `totals` says how many each list has in all, `next` what to ask for if this is not all of it: the next ones, and, of
    the log, whose last lines these are, those before. `dead_letters` are about the id: the open ones, or, if nothing is
    recorded of it, all.
    """

    subject: str
    execution: Execution | None
    task: Task | None
    message: Message | None
    workspace: Workspace | None
    sandbox: Sandbox | None
    nodes: tuple[ExecutionLog, ...] = ()
    tasks: tuple[Task, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    sandboxes: tuple[Sandbox, ...] = ()
    log: tuple[TaskLog, ...] = ()
    thread: tuple[Said, ...] = ()
    dead_letters: tuple[ListedDeadLetter, ...] = ()
    totals: dict[str, int] = field(default_factory=dict)
    next: dict[str, str] = field(default_factory=dict)

    @property
    def is_recorded(self) -> bool:
        """Whether there is anything but dead letters."""
        records = (self.execution, self.task, self.message, self.workspace, self.sandbox)
        return bool(self.thread) or any(record is not None for record in records)

    def why_not(self) -> str:
        """What to say if nothing is recorded."""
        count = self.totals["dead_letters"]
        about = f"{count:,} dead letter{'' if count == 1 else 's'} about it"
        return f"nothing recorded has the id {self.subject!r}, but {about}: {self.dead_letters[0].detail}"


def find(connection: Connection, subject: str, asked: Asked | None = None) -> Shown:
    """Everything under the id `subject`; raises NotFound, and BadCursor for an `after` that no list has."""
    asked = asked or Asked()
    if asked.after is not None and not any(asked.after.startswith(f"{name}:") for name in LISTS):
        raise BadCursor(f"not where a list of `show` goes on: {asked.after[:40]!r}; start again without it")
    records: dict[str, Any] = {
        "execution": ExecutionRepository(connection).get(subject),
        "task": TaskRepository(connection).get(subject),
        "message": MessageRepository(connection).get(subject),
        "workspace": WorkspaceRepository(connection).get(subject),
        "sandbox": SandboxRepository(connection).get(subject),
    }
    lists = _Lists(asked)
    _take_lists(connection, subject, records, lists)
    letters = DeadLetterRepository(connection)
    is_recorded = bool(lists.items.get("thread")) or any(record is not None for record in records.values())
    status = DeadLetterStatus.OPEN if is_recorded else None
    dead = letters.about(subject, limit=_DEAD_LETTERS, status=status)
    if not (is_recorded or dead):
        raise NotFound(f"nothing recorded has the id {subject!r}; `flowledger status` shows what waits to be recorded")
    if dead:
        lists.totals["dead_letters"] = letters.count_about(subject, status=status)
    return Shown(
        subject,
        **records,
        **lists.items,
        dead_letters=tuple(dead),
        totals=lists.totals,
        next=lists.next,
    )


class _Lists:
    """Collects a part of each list, how many there are in all, and where it goes on."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self.items: dict[str, Any] = {}
        self.totals: dict[str, int] = {}
        self.next: dict[str, str] = {}

    def take(self, name: str, read: Callable[..., Page[Any]], count: Callable[[], int]) -> None:
        """Take one page of a list by `read(limit=…, after=…)`; `count` is asked only if that is not the whole list."""
        if not self._asked.wants(name):
            return
        cursor = self._asked.cursor(name)
        page = read(limit=self._asked.lines if name == "log" else self._asked.limit, after=cursor)
        self.items[name] = page.items
        self.totals[name] = count() if page.cursor is not None or cursor is not None else len(page.items)
        if page.cursor is not None:
            self.next[name] = f"{name}:{page.cursor}"


def _take_lists(connection: Connection, subject: str, records: dict[str, Any], lists: _Lists) -> None:
    """The lists that belong to the records that there are."""
    nodes, tasks = ExecutionLogRepository(connection), TaskRepository(connection)
    deliveries, sandboxes = DeliveryRepository(connection), SandboxRepository(connection)
    messages, logs = MessageRepository(connection), TaskLogRepository(connection)
    belonging: tuple[tuple[str, str, Callable[..., Page[Any]], Repository[Any], str], ...] = (
        ("nodes", "execution", nodes.of_execution, nodes, "execution_id"),
        ("tasks", "execution", tasks.of_execution, tasks, "execution_id"),
        ("deliveries", "message", deliveries.of_message, deliveries, "message_id"),
        ("sandboxes", "workspace", sandboxes.of_workspace, sandboxes, "workspace_id"),
    )
    for name, kind, read, repository, column in belonging:
        if records[kind] is not None:
            lists.take(name, partial(read, subject), partial(repository.count, **{column: subject}))
    lists.take("thread", partial(conversation, connection, subject), partial(messages.count, thread_id=subject))
    column = "execution_id" if records["task"] is None else "task_id"
    if records["execution"] is not None or records["task"] is not None:
        lists.take("log", partial(logs.last, column, subject), partial(logs.count, **{column: subject}))
