"""Tasks, and the log lines of tasks and executions."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select

from flowledger.domain.envelope import Event
from flowledger.domain.events import ExecutionLogged, TaskLogged, TaskProgressed, TaskStarted
from flowledger.domain.keys import event_key
from flowledger.domain.records import Task, TaskLog
from flowledger.domain.statuses import Status
from flowledger.storage import tables
from flowledger.storage.groups import PROGRESS, TASK_START, TASK_STATUS
from flowledger.storage.paging import Order, Page
from flowledger.storage.repositories import base
from flowledger.storage.repositories.base import Repository, Timed
from flowledger.storage.writes import Write

_TABLE = tables.tasks
_LOGS = tables.task_logs

OLDEST_FIRST = Order((_TABLE.c.created_at, _TABLE.c.id))
NEWEST_FIRST = Order((_TABLE.c.created_at, _TABLE.c.id), descending=True)
IN_ORDER = Order((_LOGS.c.time, _LOGS.c.order_key))
LAST_FIRST = Order((_LOGS.c.time, _LOGS.c.order_key), descending=True)


class TaskRepository(Timed[Task]):
    table = _TABLE
    record = Task

    @staticmethod
    def mention(event: Event, recorded_at: str) -> Write:
        return base.mention(_TABLE, event, recorded_at)

    @staticmethod
    def create(event: Event, recorded_at: str) -> Write:
        write = base.mention(_TABLE, event, recorded_at, creates=True)
        base.report(write, TASK_STATUS, event, recorded_at, attempt=event.data.attempt)
        return base.describe(write, event, updates=False)

    @staticmethod
    def update(event: Event, recorded_at: str) -> Write:
        return base.describe(base.mention(_TABLE, event, recorded_at), event, updates=True)

    @staticmethod
    def report(event: Event, recorded_at: str) -> Write:
        write = base.mention(_TABLE, event, recorded_at)
        return base.report(write, TASK_STATUS, event, recorded_at, attempt=event.data.attempt)

    @staticmethod
    def start(event: Event, recorded_at: str) -> Write:
        assert isinstance(event.data, TaskStarted)
        write = base.start(TaskRepository.report(event, recorded_at), event, recorded_at)
        return write.group(TASK_START, event_key(event.data.attempt, 0, event.order), worker=event.data.worker)

    @staticmethod
    def progress(event: Event, recorded_at: str) -> Write:
        assert isinstance(event.data, TaskProgressed)
        key = event_key(event.data.attempt, 0, event.order)
        write = base.mention(_TABLE, event, recorded_at)
        return write.group(PROGRESS, key, progress=event.data.progress, progress_message=event.data.message)

    def get(self, task_id: str) -> Task | None:
        return self._one(self._select().where(_TABLE.c.id == task_id))

    def of_execution(
        self, execution_id: str, *, limit: int = 50, offset: int = 0, after: str | None = None
    ) -> Page[Task]:
        """The tasks of an execution, oldest first."""
        statement = self._select().where(_TABLE.c.execution_id == execution_id)
        return self._page(statement, OLDEST_FIRST, limit, offset, after)

    def newest(
        self, *, status: Status | None = None, limit: int = 50, offset: int = 0, after: str | None = None
    ) -> Page[Task]:
        """Tasks, newest first: in one status, or all."""
        statement = self._select()
        if status is not None:
            statement = statement.where(_TABLE.c.status == status)
        return self._page(statement, NEWEST_FIRST, limit, offset, after)


class TaskLogRepository(Repository[TaskLog]):
    table = _LOGS
    record = TaskLog

    @staticmethod
    def append(event: Event, recorded_at: str) -> Write:
        data = event.data
        subject: dict[str, str | int | None]
        if isinstance(data, ExecutionLogged):
            subject = {"execution_id": event.subject, "node": data.node, "iteration": data.iteration}
        else:
            assert isinstance(data, TaskLogged)
            subject = {"task_id": event.subject}
        return Write(
            _LOGS,
            source=event.source,
            event_id=event.id,
            **subject,
            level=data.level.value,
            message=data.message,
            logger=data.logger,
            context=base.written(data, "context"),
            time=base.moment(event, recorded_at),
            sequence=event.sequence,
            order_key=event.order,
        )

    def of_task(self, task_id: str, *, limit: int = 50, offset: int = 0, after: str | None = None) -> Page[TaskLog]:
        """The log of a task, line by line in order of time, then sequence."""
        return self._page(self._of("task_id", task_id), IN_ORDER, limit, offset, after)

    def of_execution(
        self, execution_id: str, *, limit: int = 50, offset: int = 0, after: str | None = None
    ) -> Page[TaskLog]:
        """The log of an execution itself; the logs of its tasks are theirs."""
        return self._page(self._of("execution_id", execution_id), IN_ORDER, limit, offset, after)

    def last(self, column: str, id_: str, *, limit: int = 50, after: str | None = None) -> Page[TaskLog]:
        """The last lines of a task (`column` is `task_id`) or an execution, in order; `after`: those before a page."""
        page = self._page(self._of(column, id_), LAST_FIRST, limit, 0, after)
        return Page(page.items[::-1], page.cursor)

    def _of(self, column: str, id_: str) -> Select[Any]:
        return self._select().where(_LOGS.c[column] == id_)
