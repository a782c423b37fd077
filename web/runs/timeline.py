"""One execution as a timeline: its node runs, child executions and tasks as bars on a common axis, a page of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from flowledger.domain.kinds.executions import Execution, ExecutionLog
from flowledger.domain.kinds.tasks import Task
from flowledger.domain.statuses import TERMINAL
from flowledger.domain.times import now
from flowledger.storage.kinds.executions import ExecutionLogRepository, ExecutionRepository
from flowledger.storage.kinds.messages import MessageRepository
from flowledger.storage.kinds.tasks import TaskRepository
from flowledger.storage.ledger.journal_lists import ListedEventRepository
from flowledger.storage.paging import MAX_LIMIT, Page
from flowledger.web.runs import oddities, usage
from flowledger.web.runs.axis import Axis, Span
from flowledger.web.runs.failed import Failed, failed_parts, first_line
from flowledger.web.runs.listing import FAILED, total_of
from flowledger.web.totals import MOST, Total

NODES: Final = "nodes"
CHILDREN: Final = "children"
TASKS: Final = "tasks"
PAGE: Final = {NODES: 100, CHILDREN: 50, TASKS: 100}
"""Rows of each part on one page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A row: `waited` is the part of the bar before its start, `ran` the part behind it; `is_open` has no end."""

    name: str
    id: str
    record: Any
    waited: Span | None
    ran: Span | None
    is_open: bool
    error: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A page of the parts of one kind, how many there are, and how many are in each status."""

    bars: tuple[Bar, ...]
    cursor: str | None
    total: Total
    statuses: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """What the page of an execution shows."""

    execution: Execution
    axis: Axis
    whole: Bar
    parts: Mapping[str, Rows]
    failed: Failed
    reports: oddities.Reports
    usage: usage.Usage


def timeline(connection: Connection, execution: Execution, after: Mapping[str, str | None]) -> Timeline:
    """Return the timeline of an execution; `after` are the cursors of its parts. At most 15 queries."""
    runs, work = ExecutionLogRepository(connection), TaskRepository(connection)
    children = ExecutionRepository(connection)
    id_ = execution.id
    nodes = runs.of_execution(id_, limit=PAGE[NODES], after=after.get(NODES))
    tasks = work.of_execution(id_, limit=PAGE[TASKS], after=after.get(TASKS))
    kids = children.oldest(parent_execution_id=id_, limit=PAGE[CHILDREN], after=after.get(CHILDREN))
    statuses = {NODES: runs.statuses_of(id_, most=MOST + 1), TASKS: work.statuses_of(id_, most=MOST + 1)}
    if kids.cursor is None and after.get(CHILDREN) is None:
        statuses[CHILDREN] = _counted(kids.items)
    else:
        statuses[CHILDREN] = {"": children.count(parent_execution_id=id_, most=MOST + 1)}
    messages = MessageRepository(connection).oldest(execution_id=id_, limit=PAGE[TASKS])
    subjects = [one.id for page in (tasks, kids, messages) for one in page.items]
    events = ListedEventRepository(connection).of_subjects([id_, *subjects], limit=MAX_LIMIT)
    reports = oddities.of_events(events.items, more=events.cursor is not None)
    counts = {name: sum(statuses[name].get(one, 0) for one in FAILED) for name in (NODES, TASKS)}
    failed = failed_parts(connection, execution, counts, subjects)
    axis = _axis(execution, (*nodes.items, *kids.items, *tasks.items))
    draw = _Drawing(execution, axis, reports)
    used = {
        "the execution": execution.usage or {},
        "its node runs, summed": runs.used_by(id_, most=MOST) if statuses[NODES] else {},
        "its tasks, summed": work.used_by(id_, most=MOST) if statuses[TASKS] else {},
        "its child executions, summed": usage.sums(kid.usage for kid in kids.items) if kids.cursor is None else {},
    }
    return Timeline(
        execution=execution,
        axis=axis,
        whole=draw.bar(execution, "", id_),
        parts={
            NODES: _rows(nodes, statuses[NODES], draw.node),
            CHILDREN: _rows(kids, statuses[CHILDREN], draw.child),
            TASKS: _rows(tasks, statuses[TASKS], draw.task),
        },
        failed=failed,
        reports=reports,
        usage=usage.usage_of(used),
    )


def _counted(records: Iterable[Any]) -> dict[str, int]:
    found: dict[str, int] = {}
    for record in records:
        found[record.status] = found.get(record.status, 0) + 1
    return found


def _axis(execution: Execution, parts: Iterable[Any]) -> Axis:
    """Return the axis of an execution and of the parts that are shown, until now if it runs."""
    times = [time for part in parts for time in (getattr(part, "created_at", None), part.started_at, part.finished_at)]
    end = execution.finished_at if execution.status in TERMINAL else now()
    return Axis.of(execution.created_at, execution.started_at, end, *times)


def _rows(page: Page[Any], statuses: Mapping[str, int], draw: Callable[[Any], Bar]) -> Rows:
    total = total_of(sum(statuses.values()))
    known = {status: count for status, count in statuses.items() if status}
    return Rows(bars=tuple(map(draw, page.items)), cursor=page.cursor, total=total, statuses=known)


@dataclass(frozen=True, slots=True)
class _Drawing:
    """Draws the parts of one execution on one axis."""

    execution: Execution
    axis: Axis
    reports: oddities.Reports

    def node(self, run: ExecutionLog) -> Bar:
        turn = f" #{run.iteration}" if run.iteration != 1 else ""
        return self.bar(run, f"{run.node}{turn}{_attempt(run.attempt)}", "")

    def child(self, child: Execution) -> Bar:
        return self.bar(child, f"{child.workflow_id or child.id}{_attempt(child.attempt)}", child.id)

    def task(self, task: Task) -> Bar:
        return self.bar(task, f"{task.name or task.id}{_attempt(task.attempt)}", task.id)

    def bar(self, record: Any, name: str, id_: str) -> Bar:
        created, started, ended = getattr(record, "created_at", None), record.started_at, record.finished_at
        begin, is_open = started or created, record.status not in TERMINAL
        waited = ran = None
        if created is not None and (started is None or started > created):
            waited = self.axis.span(created, started or ended)
        if begin is not None and started is not None:
            ran = self.axis.span(begin, ended)
        elif ended is not None and waited is None:
            ran = self.axis.span(ended, ended)
        notes = [] if record is self.execution else oddities.of_part(record, self.execution)
        words = self.reports.words(id_) if id_ else []
        return Bar(
            name=name, id=id_, record=record, waited=waited, ran=ran, is_open=is_open, error=first_line(record),
            notes=(*notes, *words),
        )  # fmt: skip


def _attempt(attempt: int) -> str:
    return "" if attempt == 1 else f", attempt {attempt}"
