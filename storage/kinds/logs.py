"""Log lines of tasks and executions: one row per event."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import BigInteger, CheckConstraint, Column, Select, String, Table, Text, select, union_all

from flowledger.domain import events as say
from flowledger.domain.envelope import Event
from flowledger.domain.kinds.logs import TaskLog
from flowledger.domain.statuses import Level
from flowledger.storage.filters import Filter, between, having
from flowledger.storage.kinds.parts import moment, reported
from flowledger.storage.many import first_of_each
from flowledger.storage.merge.writes import Write
from flowledger.storage.owned import OwnedRepository
from flowledger.storage.paging import Order, Page
from flowledger.storage.schema.columns import OWNER, index_where_given, metadata, one_of
from flowledger.storage.schema.partitions import BY_WEEK, index_of_age, partitioned
from flowledger.storage.schema.types import Json, Name, UtcTime
from flowledger.storage.weekly import of_subjects

TABLE: Final = partitioned(
    Table(
        "task_logs",
        metadata,
        Column("source", Name, primary_key=True),
        Column("event_id", Name, primary_key=True),
        Column("recorded_at", UtcTime, primary_key=True),
        Column("task_id", Name, info={OWNER: "tasks"}),
        Column("execution_id", Name, info={OWNER: "executions"}),
        Column("node", Name),
        Column("iteration", BigInteger),
        *one_of("level", "level", String(8), Level, nullable=False),
        Column("message", Text, nullable=False),
        Column("logger", Text),
        Column("context", Json),
        Column("time", UtcTime, nullable=False),
        Column("sequence", Text),
        Column("order_key", Name, nullable=False),
        CheckConstraint("(task_id IS NULL) <> (execution_id IS NULL)", name="subject"),
        *index_where_given("task_logs", "task_id", "time"),
        *index_where_given("task_logs", "execution_id", "time"),
        index_of_age("task_logs"),
        **BY_WEEK,
    ),
    "task_id",
    "execution_id",
)

IN_ORDER: Final = Order((TABLE.c.time, TABLE.c.order_key))
LAST_FIRST: Final = Order((TABLE.c.time, TABLE.c.order_key), descending=True)


def append(event: Event, recorded_at: str) -> Write:
    """Write a line of a task's log, or of an execution's."""
    data = event.data
    subject: dict[str, str | int | None]
    if isinstance(data, say.ExecutionLogged):
        subject = {"execution_id": event.subject, "node": data.node, "iteration": data.iteration}
    else:
        assert isinstance(data, say.TaskLogged)
        subject = {"task_id": event.subject}
    return Write(
        TABLE,
        source=event.source,
        event_id=event.id,
        recorded_at=recorded_at,
        **subject,
        level=data.level.value,
        message=data.message,
        logger=data.logger,
        context=reported(TABLE, data, "context"),
        time=moment(event, recorded_at),
        sequence=event.sequence,
        order_key=event.order,
    )


class Lines(NamedTuple):
    """Log lines in order of time, the cursors of the first and of the last, and whether there are more that way."""

    items: tuple[TaskLog, ...]
    first: str | None
    last: str | None
    more: bool


class TaskLogRepository(OwnedRepository[TaskLog]):
    table = TABLE
    record = TaskLog
    listed_by = ("task_id", "execution_id", "node", "level")
    owned_by = (("task_id",), ("execution_id",))
    in_order = IN_ORDER
    time = "time"
    told_by = ("message",)

    def of_task(
        self,
        task_id: str,
        *,
        level: Filter = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        offset: int = 0,
        after: str | None = None,
    ) -> Page[TaskLog]:
        """Return a page of the log of a task, in order of time, then sequence; perhaps the lines of some levels.

        `since` and `until` are times of the lines.
        """
        lines = self._of("task_id", task_id).where(*having(TABLE, ("level",), {"level": level}))
        return self._page(lines.where(*between(TABLE.c.time, since, until)), IN_ORDER, limit, offset, after)

    def of_execution(
        self,
        execution_id: str,
        *,
        node: str | None = None,
        level: Filter = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        offset: int = 0,
        after: str | None = None,
    ) -> Page[TaskLog]:
        """Return a page of the log of an execution itself, or of one of its nodes, without the logs of its tasks.

        Order and filters are those of `of_task`.
        """
        of = having(TABLE, ("node", "level"), {"node": node, "level": level})
        lines = self._of("execution_id", execution_id).where(*of, *between(TABLE.c.time, since, until))
        return self._page(lines, IN_ORDER, limit, offset, after)

    def of_tasks(self, task_ids: Iterable[str], *, limit_each: int = 10) -> dict[str, Page[TaskLog]]:
        """Return the first page of each of several tasks, as `of_task` does, by one query."""
        return self._of_each("task_id", task_ids, IN_ORDER, limit_each)

    def last_of_tasks(self, task_ids: Iterable[str], *, limit_each: int = 10) -> dict[str, Page[TaskLog]]:
        """Return the last lines of each of several tasks, the last one first, by one query."""
        return self._of_each("task_id", task_ids, LAST_FIRST, limit_each)

    def of_run(
        self,
        execution_id: str | None,
        task_ids: Sequence[str] = (),
        *,
        level: Filter = None,
        last: bool = False,
        limit: int = 50,
        after: str | None = None,
    ) -> Lines:
        """Return lines of an execution itself and of these tasks, in one order of time, by one query.

        They are the first ones, those behind the cursor `after`, or, with `last`, the last ones before it.
        """
        order = LAST_FIRST if last else IN_ORDER
        subjects = [*task_ids, *([] if execution_id is None else [execution_id])]
        found_in = of_subjects(self.connection, TABLE, subjects)
        lines = order.behind(self._having({"level": level}).where(*found_in), after).add_columns(TABLE.c.order_key)
        parts: list[Select[Any]] = []
        if execution_id is not None:
            parts.append(order.first(lines.where(TABLE.c.execution_id == execution_id), limit + 1, None))
        if task_ids:
            ids = list(task_ids)
            of_tasks = first_of_each(self.connection, lines, TABLE.c.task_id, ids, order=order, limit=limit + 1)
            parts.append(of_tasks)
        found = union_all(*(select(part.subquery()) for part in parts)).subquery()
        rows = self.connection.execute(select(found).order_by(*order.by(found.c)).limit(limit + 1)).all()
        shown = rows[:limit][::-1] if last else rows[:limit]
        ends = (order.cursor(shown[0]), order.cursor(shown[-1])) if shown else (None, None)
        return Lines(tuple(map(self._record, shown)), ends[0], ends[1], len(rows) > limit)

    def last_of_task(self, task_id: str, *, limit: int = 50, after: str | None = None) -> Page[TaskLog]:
        """Return the last lines of a task, in order; with `after`, a page's cursor, those before that page."""
        return self._last(self._of("task_id", task_id), limit, after)

    def last_of_execution(self, execution_id: str, *, limit: int = 50, after: str | None = None) -> Page[TaskLog]:
        """Return the last lines of an execution, in order; with `after`, a page's cursor, those before that page."""
        return self._last(self._of("execution_id", execution_id), limit, after)

    def _last(self, statement: Select[Any], limit: int, after: str | None) -> Page[TaskLog]:
        page = self._page(statement, LAST_FIRST, limit, 0, after)
        return Page(page.items[::-1], page.cursor)

    def _of(self, column: str, id_: str) -> Select[Any]:
        return self._having({column: id_})
