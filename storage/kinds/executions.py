"""Executions and the runs of their nodes: tables, writes, look-ups."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Table, Text

from flowledger.domain import events as say
from flowledger.domain import json_text
from flowledger.domain.envelope import Event
from flowledger.domain.kinds.executions import Execution, ExecutionLog
from flowledger.domain.statuses import TERMINAL
from flowledger.storage.kinds import logs
from flowledger.storage.kinds.failures import FailingRepository, Failures
from flowledger.storage.kinds.kind import Kind, Listed
from flowledger.storage.kinds.parts import Report, Subject, part_key, reported, started
from flowledger.storage.kinds.tasks import TaskRepository
from flowledger.storage.merge.groups import Group, group
from flowledger.storage.merge.writes import Write
from flowledger.storage.owned import OwnedRepository
from flowledger.storage.paging import Order, Page
from flowledger.storage.run_parts import RunPartRepository
from flowledger.storage.schema.columns import (
    ROOM_FOR_UPDATES,
    attempt,
    description_keys,
    index_where_given,
    key,
    metadata,
    status,
)
from flowledger.storage.schema.types import Json, Name, UtcTime
from flowledger.storage.timed import Timed

TABLE: Final = Table(
    "executions",
    metadata,
    Column("id", Name, primary_key=True),
    *status(),
    *attempt(),
    Column("workflow_id", Name),
    Column("workspace_id", Name),
    Column("sandbox_id", Name),
    Column("agent_id", Name),
    Column("user_id", Name),
    Column("parent_execution_id", Name),
    Column("retry_of", Text),
    Column("mode", Text),
    Column("trigger_type", Text),
    Column("input", Json),
    Column("output", Json),
    Column("error", Json),
    Column("reason", Text),
    Column("usage", Json),
    Column("initial_state", Json),
    Column("current_state", Json),
    Column("final_state", Json),
    Column("iterations", BigInteger),
    Column("created_at", UtcTime, nullable=False),
    Column("started_at", UtcTime),
    Column("finished_at", UtcTime),
    key("status_key"),
    key("current_state_key"),
    key("created_at_key", least=True),
    key("started_at_key", least=True),
    *description_keys(),
    Index("ix_executions_workflow_id", "workflow_id", "created_at", "id"),
    Index("ix_executions_created_at", "created_at", "id"),
    *index_where_given("executions", "workspace_id", "created_at"),
    *index_where_given("executions", "agent_id", "created_at"),
    *index_where_given("executions", "user_id", "created_at"),
    *index_where_given("executions", "parent_execution_id", "created_at"),
    **ROOM_FOR_UPDATES,
)

FAILURES: Final = Failures("execution", TABLE)

NODE_RUNS: Final = Table(
    "execution_logs",
    metadata,
    Column("execution_id", Name, ForeignKey("executions.id", ondelete="CASCADE"), primary_key=True),
    Column("node", Name, primary_key=True),
    Column("iteration", BigInteger, primary_key=True),
    *attempt(primary_key=True),
    *status(),
    Column("agent_id", Name),
    Column("input", Json),
    Column("output", Json),
    Column("error", Json),
    Column("reason", Text),
    Column("usage", Json),
    Column("state", Json),
    Column("started_at", UtcTime),
    Column("finished_at", UtcTime),
    key("status_key"),
    key("start_key"),
    key("started_at_key", least=True),
)

EXECUTION: Final = Subject(
    TABLE, say.ExecutionCreated, "attempt", "error", "output", "reason", "usage", "final_state",
    times={"finished_at": TERMINAL}, ranked=True,
)  # fmt: skip
NODE_RUN: Final = Report(
    NODE_RUNS, "error", "output", "reason", "usage", "state", times={"finished_at": TERMINAL}, ranked=True
)
NODE_START: Final = group("start_key", "input", "agent_id")
CURRENT_STATE: Final = group("current_state_key", "current_state")
ITERATIONS: Final = Group((), "iterations")

IN_ORDER: Final = Order((NODE_RUNS.c.iteration, NODE_RUNS.c.attempt, NODE_RUNS.c.node))


def checkpoint(event: Event, recorded_at: str) -> Write:
    """Write the state of a run that continues."""
    assert isinstance(event.data, say.ExecutionCheckpointed)
    write = EXECUTION.mention(event, recorded_at)
    write.group(CURRENT_STATE, part_key(event), current_state=json_text.dumps(event.data.state))
    return _counted(write, event.data.iterations)


def complete(event: Event, recorded_at: str) -> Write:
    """Write the last report, which may count iterations."""
    assert isinstance(event.data, say.ExecutionCompleted)
    return _counted(EXECUTION.report(event, recorded_at), event.data.iterations)


def start_node(event: Event, recorded_at: str) -> Write:
    """Write the begin of a node run: its input and its agent."""
    assert isinstance(event.data, say.NodeStarted)
    write = started(report_node(event, recorded_at), event, recorded_at)
    input_ = reported(NODE_RUNS, event.data, "input")
    return write.group(NODE_START, part_key(event), input=input_, agent_id=event.data.agent_id)


def report_node(event: Event, recorded_at: str) -> Write:
    """Write the status of a node run."""
    data = event.data
    assert isinstance(data, say.NodeData)
    write = Write(NODE_RUNS, execution_id=event.subject, node=data.node, iteration=data.iteration, attempt=data.attempt)
    return NODE_RUN.add(write, event, recorded_at)


class ExecutionRepository(Timed[Execution], FailingRepository[Execution]):
    table = TABLE
    record = Execution
    failures = FAILURES
    listed_by = ("workflow_id", "workspace_id", "agent_id", "user_id", "parent_execution_id", "status")
    told_by = ("trigger_type", "took_seconds", "error", "reason")


class ExecutionLogRepository(Timed[ExecutionLog], RunPartRepository[ExecutionLog], OwnedRepository[ExecutionLog]):
    table = NODE_RUNS
    record = ExecutionLog
    listed_by = ("execution_id", "node", "status")
    owned_by = (("execution_id",),)
    in_order = Order((*IN_ORDER.columns, NODE_RUNS.c.execution_id))
    time = "started_at"
    told_by = ("agent_id", "took_seconds", "error", "reason")

    def of_execution(
        self, execution_id: str, *, limit: int = 50, offset: int = 0, after: str | None = None
    ) -> Page[ExecutionLog]:
        """Return a page of the node runs of an execution, in order of iteration, attempt and node."""
        statement = self._select().where(NODE_RUNS.c.execution_id == execution_id)
        return self._page(statement, IN_ORDER, limit, offset, after)

    def of_executions(self, execution_ids: Iterable[str], *, limit_each: int = 10) -> dict[str, Page[ExecutionLog]]:
        """Return the first page of each of several executions, as `of_execution` does, by one query."""
        return self._of_each("execution_id", execution_ids, IN_ORDER, limit_each)

    def of_node(
        self, execution_id: str, node: str, *, limit: int = 50, offset: int = 0, after: str | None = None
    ) -> Page[ExecutionLog]:
        """Return a page of the runs of one node, in order of iteration."""
        statement = self._select().where(NODE_RUNS.c.execution_id == execution_id, NODE_RUNS.c.node == node)
        return self._page(statement, IN_ORDER, limit, offset, after)


KIND: Final = Kind(
    "execution",
    tables=(TABLE, FAILURES.table, NODE_RUNS),
    repository=ExecutionRepository,
    events={
        say.ExecutionCreated: (EXECUTION.create,),
        say.ExecutionUpdated: (EXECUTION.update,),
        say.ExecutionQueued: (EXECUTION.report,),
        say.ExecutionStarted: (EXECUTION.start,),
        say.ExecutionPaused: (EXECUTION.report,),
        say.ExecutionResumed: (EXECUTION.report,),
        say.ExecutionRetrying: (EXECUTION.report,),
        say.ExecutionCheckpointed: (checkpoint,),
        say.ExecutionCompleted: (complete,),
        say.ExecutionFailed: (EXECUTION.report, FAILURES.write),
        say.ExecutionCancelled: (EXECUTION.report,),
        say.ExecutionTimedOut: (EXECUTION.report, FAILURES.write),
        say.ExecutionLogged: (EXECUTION.mention, logs.append),
        say.NodeStarted: (EXECUTION.mention, start_node),
        say.NodeRetrying: (EXECUTION.mention, report_node),
        say.NodeCompleted: (EXECUTION.mention, report_node),
        say.NodeFailed: (EXECUTION.mention, report_node),
        say.NodeSkipped: (EXECUTION.mention, report_node),
    },
    lists=(
        Listed("nodes", ExecutionLogRepository, ExecutionLogRepository.of_execution, "execution_id"),
        Listed("tasks", TaskRepository, TaskRepository.of_execution, "execution_id"),
        Listed("log", logs.TaskLogRepository, logs.TaskLogRepository.last_of_execution, "execution_id", tail=True),
    ),
)


def _counted(write: Write, iterations: int | None) -> Write:
    return write if iterations is None else write.group(ITERATIONS, iterations)
