"""Executions, and the runs of their nodes."""

from __future__ import annotations

from flowledger.domain.envelope import Event
from flowledger.domain.events import ExecutionCheckpointed, ExecutionCompleted, NodeData
from flowledger.domain.keys import event_key
from flowledger.domain.records import Execution, ExecutionLog
from flowledger.domain.statuses import Status
from flowledger.storage import tables
from flowledger.storage.groups import CHECKPOINT, EXECUTION_STATUS, ITERATIONS, NODE_START, NODE_STATUS
from flowledger.storage.paging import Order, Page
from flowledger.storage.repositories import base
from flowledger.storage.repositories.base import Timed
from flowledger.storage.writes import Write

_TABLE = tables.executions
_LOGS = tables.execution_logs

NEWEST_FIRST = Order((_TABLE.c.created_at, _TABLE.c.id), descending=True)
IN_ORDER = Order((_LOGS.c.iteration, _LOGS.c.attempt, _LOGS.c.node))


class ExecutionRepository(Timed[Execution]):
    table = _TABLE
    record = Execution

    @staticmethod
    def mention(event: Event, recorded_at: str) -> Write:
        return base.mention(_TABLE, event, recorded_at)

    @staticmethod
    def create(event: Event, recorded_at: str) -> Write:
        write = base.mention(_TABLE, event, recorded_at, creates=True)
        base.report(write, EXECUTION_STATUS, event, recorded_at, attempt=event.data.attempt)
        return base.describe(write, event, updates=False)

    @staticmethod
    def update(event: Event, recorded_at: str) -> Write:
        return base.describe(base.mention(_TABLE, event, recorded_at), event, updates=True)

    @staticmethod
    def report(event: Event, recorded_at: str) -> Write:
        write = base.mention(_TABLE, event, recorded_at)
        return base.report(write, EXECUTION_STATUS, event, recorded_at, attempt=event.data.attempt)

    @staticmethod
    def start(event: Event, recorded_at: str) -> Write:
        return base.start(ExecutionRepository.report(event, recorded_at), event, recorded_at)

    @staticmethod
    def checkpoint(event: Event, recorded_at: str) -> Write:
        assert isinstance(event.data, ExecutionCheckpointed)
        write = base.mention(_TABLE, event, recorded_at)
        key = event_key(event.data.attempt, 0, event.order)
        write.group(CHECKPOINT, key, current_state=base.written(event.data, "state"))
        return _count(write, event.data.iterations)

    @staticmethod
    def complete(event: Event, recorded_at: str) -> Write:
        assert isinstance(event.data, ExecutionCompleted)
        return _count(ExecutionRepository.report(event, recorded_at), event.data.iterations)

    def get(self, execution_id: str) -> Execution | None:
        return self._one(self._select().where(_TABLE.c.id == execution_id))

    def newest(
        self,
        *,
        workflow_id: str | None = None,
        status: Status | None = None,
        limit: int = 50,
        offset: int = 0,
        after: str | None = None,
    ) -> Page[Execution]:
        """Executions, newest first: of one workflow, in one status, or all."""
        statement = self._select()
        if workflow_id is not None:
            statement = statement.where(_TABLE.c.workflow_id == workflow_id)
        if status is not None:
            statement = statement.where(_TABLE.c.status == status)
        return self._page(statement, NEWEST_FIRST, limit, offset, after)


class ExecutionLogRepository(Timed[ExecutionLog]):
    table = _LOGS
    record = ExecutionLog

    @staticmethod
    def report(event: Event, recorded_at: str) -> Write:
        return base.report(_node_run(event), NODE_STATUS, event, recorded_at)

    @staticmethod
    def start(event: Event, recorded_at: str) -> Write:
        write = base.start(ExecutionLogRepository.report(event, recorded_at), event, recorded_at)
        key = event_key(event.data.attempt, 0, event.order)
        return write.group(
            NODE_START, key, input=base.written(event.data, "input"), agent_id=getattr(event.data, "agent_id", None)
        )

    def of_execution(
        self, execution_id: str, *, limit: int = 50, offset: int = 0, after: str | None = None
    ) -> Page[ExecutionLog]:
        """The node runs of an execution in order of iteration, attempt and node."""
        statement = self._select().where(_LOGS.c.execution_id == execution_id)
        return self._page(statement, IN_ORDER, limit, offset, after)

    def of_node(
        self, execution_id: str, node: str, *, limit: int = 50, offset: int = 0, after: str | None = None
    ) -> Page[ExecutionLog]:
        """The runs of one node in order of iteration."""
        statement = self._select().where(_LOGS.c.execution_id == execution_id, _LOGS.c.node == node)
        return self._page(statement, IN_ORDER, limit, offset, after)


def _node_run(event: Event) -> Write:
    data = event.data
    assert isinstance(data, NodeData)
    return Write(_LOGS, execution_id=event.subject, node=data.node, iteration=data.iteration, attempt=data.attempt)


def _count(write: Write, iterations: int | None) -> Write:
    return write if iterations is None else write.group(ITERATIONS, iterations)
