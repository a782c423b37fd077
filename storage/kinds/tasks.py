"""Tasks: table, writes, look-ups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from sqlalchemy import BigInteger, Column, Double, Index, Table, Text, func, select

from flowledger.domain import events as say
from flowledger.domain.envelope import Event
from flowledger.domain.kinds.tasks import Task
from flowledger.domain.statuses import TERMINAL
from flowledger.storage.kinds import logs
from flowledger.storage.kinds.failures import FAILING, FailingRepository, Failures
from flowledger.storage.kinds.kind import Kind, Listed
from flowledger.storage.kinds.parts import Subject, part_key
from flowledger.storage.many import owners_of
from flowledger.storage.merge.groups import group
from flowledger.storage.merge.writes import Write
from flowledger.storage.paging import Order, Page
from flowledger.storage.run_parts import RunPartRepository
from flowledger.storage.schema.columns import (
    ROOM_FOR_UPDATES,
    attempt,
    description_keys,
    index_where_given,
    key,
    metadata,
    ruled,
    status,
)
from flowledger.storage.schema.types import Json, Name, UtcTime
from flowledger.storage.timed import Timed

TABLE: Final = Table(
    "tasks",
    metadata,
    Column("id", Name, primary_key=True),
    *status(),
    *attempt(),
    Column("name", Text),
    Column("kind", Text),
    Column("execution_id", Name),
    Column("parent_task_id", Name),
    Column("retry_of", Text),
    Column("workspace_id", Name),
    Column("sandbox_id", Name),
    Column("agent_id", Name),
    Column("user_id", Name),
    Column("priority", BigInteger),
    Column("input", Json),
    Column("worker", Text),
    Column("output", Json),
    Column("error", Json),
    Column("reason", Text),
    Column("usage", Json),
    *ruled("progress", "progress", Double(), "{0} >= 0 AND {0} <= 1"),
    Column("progress_message", Text),
    Column("created_at", UtcTime, nullable=False),
    Column("started_at", UtcTime),
    Column("finished_at", UtcTime),
    key("status_key"),
    key("start_key"),
    key("progress_key"),
    key("created_at_key", least=True),
    key("started_at_key", least=True),
    *description_keys(),
    Index("ix_tasks_execution_id", "execution_id", "created_at", "id"),
    Index("ix_tasks_created_at", "created_at", "id"),
    *index_where_given("tasks", "workspace_id", "created_at"),
    *index_where_given("tasks", "agent_id", "created_at"),
    *index_where_given("tasks", "user_id", "created_at"),
    **ROOM_FOR_UPDATES,
)

FAILURES: Final = Failures("task", TABLE)

TASK: Final = Subject(
    TABLE, say.TaskCreated, "attempt", "error", "output", "reason", "usage",
    times={"finished_at": TERMINAL}, ranked=True,
)  # fmt: skip
START: Final = group("start_key", "worker")
PROGRESS: Final = group("progress_key", "progress", "progress_message")

OLDEST_FIRST: Final = Order((TABLE.c.created_at, TABLE.c.id))


def start(event: Event, recorded_at: str) -> Write:
    """Write a status, `started_at`, and the worker."""
    assert isinstance(event.data, say.TaskStarted)
    return TASK.start(event, recorded_at).group(START, part_key(event), worker=event.data.worker)


def progress(event: Event, recorded_at: str) -> Write:
    """Write the progress."""
    assert isinstance(event.data, say.TaskProgressed)
    write = TASK.mention(event, recorded_at)
    return write.group(PROGRESS, part_key(event), progress=event.data.progress, progress_message=event.data.message)


class TaskCounts(NamedTuple):
    """How many tasks an execution has, and how many of them are failed or timed out."""

    total: int
    failed: int


class TaskRepository(Timed[Task], RunPartRepository[Task], FailingRepository[Task]):
    table = TABLE
    record = Task
    failures = FAILURES
    listed_by = ("execution_id", "workspace_id", "agent_id", "user_id", "status")
    told_by = ("name", "kind", "took_seconds", "error", "reason")

    def of_execution(
        self, execution_id: str, *, limit: int = 50, offset: int = 0, after: str | None = None
    ) -> Page[Task]:
        """Return a page of the tasks of an execution, oldest first."""
        statement = self._select().where(TABLE.c.execution_id == execution_id)
        return self._page(statement, OLDEST_FIRST, limit, offset, after)

    def of_executions(self, execution_ids: Iterable[str], *, limit_each: int = 10) -> dict[str, Page[Task]]:
        """Return the first page of each of several executions, as `of_execution` does, by one query."""
        return self._of_each("execution_id", execution_ids, OLDEST_FIRST, limit_each)

    def counts_of_executions(self, execution_ids: Sequence[str], *, most: int) -> dict[str, TaskCounts]:
        """Return how many tasks each execution has, and how many of them are failed or timed out.

        Of each, no more than `most` tasks are counted. Executions without tasks are left out. It is one query.
        """
        owner = owners_of(self.connection, execution_ids)
        tasks = select(TABLE.c.status).where(TABLE.c.execution_id == owner.c.value).limit(most).correlate(owner)
        found = tasks.subquery("counted")
        failing = [status.value for status in FAILING]
        total = select(func.count()).select_from(found).correlate(owner).scalar_subquery()
        failed = select(func.count()).select_from(found).where(found.c.status.in_(failing)).correlate(owner)
        rows = self.connection.execute(select(owner.c.value, total, failed.scalar_subquery()))
        return {id_: TaskCounts(total, failed) for id_, total, failed in rows if total}


KIND: Final = Kind(
    "task",
    tables=(TABLE, FAILURES.table, logs.TABLE),
    repository=TaskRepository,
    events={
        say.TaskCreated: (TASK.create,),
        say.TaskUpdated: (TASK.update,),
        say.TaskQueued: (TASK.report,),
        say.TaskStarted: (start,),
        say.TaskProgressed: (progress,),
        say.TaskRetrying: (TASK.report,),
        say.TaskCompleted: (TASK.report,),
        say.TaskFailed: (TASK.report, FAILURES.write),
        say.TaskCancelled: (TASK.report,),
        say.TaskSkipped: (TASK.report,),
        say.TaskTimedOut: (TASK.report, FAILURES.write),
        say.TaskLogged: (TASK.mention, logs.append),
    },
    lists=(Listed("log", logs.TaskLogRepository, logs.TaskLogRepository.last_of_task, "task_id", tail=True),),
)
