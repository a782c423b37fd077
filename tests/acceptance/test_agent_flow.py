"""Agent-Flow V2, as its report says it: "workflow platform; SQLModel, async; PostgreSQL, SQLite for development".

The quoted lines are the report's. What they name is found here under our names; `docs/platforms.md` is the table.
"""

from __future__ import annotations

import uuid
from enum import Enum

import pytest
from sqlalchemy import select

from flowledger.domain.envelope import Envelope
from flowledger.domain.events import ExecutionCompleted, ExecutionCreated, ExecutionStarted
from flowledger.storage import tables
from flowledger.storage.kinds.custom_nodes import CustomNodeRepository
from flowledger.storage.kinds.executions import ExecutionRepository
from flowledger.storage.kinds.logs import TaskLogRepository
from flowledger.storage.kinds.tasks import TaskRepository
from flowledger.storage.kinds.users import UserRepository
from flowledger.storage.kinds.workflows import WorkflowRepository, WorkflowVersionRepository
from flowledger.storage.paging import BadCursor
from tests.acceptance.conftest import MakePlatform
from tests.acceptance.reporting import Platform, ids, known


@pytest.fixture
def flow(make_platform: MakePlatform) -> Platform:
    return make_platform("/agent-flow")


class UserRole(Enum):
    """Agent-Flow's own."""

    ADMIN = "ADMIN"
    USER = "USER"
    VIEWER = "VIEWER"


def test_user(flow: Platform) -> None:
    """The report: "**User** (authentication, roles ADMIN, USER, VIEWER)"."""
    for number, role in enumerate(UserRole):
        flow.report("user.created", f"user-{number}", email=f"{role.value}@Example.org", role=role.value.lower())
    with flow.records() as connection:
        users = UserRepository(connection)
        found = known(users.by_email("admin@example.org"))
        assert (found.id, found.role, found.status) == ("user-0", "admin", "active")
        assert ids(users.newest(role="viewer")) == ["user-2"]
    # "User: … deactivate"
    flow.report("user.deactivated", "user-1", reason="left")
    flow.report("user.updated", "user-1", full_name="Grace Hopper", settings={"theme": "dark"})
    with flow.records() as connection:
        users = UserRepository(connection)
        assert ids(users.newest(status="active")) == ["user-2", "user-0"]
        left = known(users.get("user-1"))
        assert (left.status, left.reason, left.full_name, left.settings) == (
            "inactive", "left", "Grace Hopper", {"theme": "dark"}
        )  # fmt: skip


FLOW_DATA = {
    "nodes": [{"id": "fetch", "type": "http"}, {"id": "answer", "type": "llm"}],
    "edges": [{"source": "fetch", "target": "answer"}],
}


def test_workflow(flow: Platform) -> None:
    """The report: "**Workflow** (versioned, `flow_data`)"; "Workflow: versions, clone, public and private"."""
    flow.report("workflow.created", "wf-1", name="Answers", user_id="user-0", visibility="private")
    flow.report("workflow.versioned", "wf-1", version=1, definition=FLOW_DATA, user_id="user-0")
    more = {**FLOW_DATA, "nodes": [*FLOW_DATA["nodes"], {"id": "log"}]}
    flow.report("workflow.versioned", "wf-1", version=2, definition=more, note="with a log")
    flow.report("workflow.updated", "wf-1", visibility="public")
    flow.report("workflow.created", "wf-2", name="Mine", user_id="user-1", visibility="private")
    with flow.records() as connection:
        workflows, versions = WorkflowRepository(connection), WorkflowVersionRepository(connection)
        named = known(workflows.by_name("Answers"))
        assert (named.id, named.latest_version) == ("wf-1", 2)
        assert [one.version for one in versions.of_workflow("wf-1").items] == [2, 1]
        first = known(versions.get("wf-1", 1))
        assert (first.definition, first.problems, first.user_id) == (FLOW_DATA, None, "user-0")
        assert known(versions.changes("wf-1", 1, 2)).added_nodes == ("log",)
        assert ids(workflows.newest(visibility="public")) == ["wf-1"]
        assert ids(workflows.newest(visibility="private", user_id="user-1")) == ["wf-2"]
    # "clone": a workflow of its own that begins with a version of the other
    flow.report("workflow.created", "wf-3", name="Answers (copy)", user_id="user-1", visibility="private")
    flow.report("workflow.versioned", "wf-3", version=1, definition=first.definition, note="clone of wf-1, version 1")
    with flow.records() as connection:
        clone = known(WorkflowVersionRepository(connection).get("wf-3", 1))
        assert clone.definition == FLOW_DATA


def test_execution(flow: Platform) -> None:
    """The report: "**Execution** (status, inputs, outputs)"; "Execution: status, mark completed"."""
    created = ExecutionCreated(workflow_id="wf-1", input={"question": "why?"})
    flow.publisher.publish(Envelope.of(created, source="/agent-flow", subject="exec-1"))
    with flow.records() as connection:
        assert ids(ExecutionRepository(connection).newest(status="pending")) == ["exec-1"]
    for report in (ExecutionStarted(), ExecutionCompleted(output={"answer": "because"})):
        flow.publisher.publish(Envelope.of(report, source="/agent-flow", subject="exec-1"))
    with flow.records() as connection:
        executions = ExecutionRepository(connection)
        done = known(executions.get("exec-1"))
        assert (done.status, done.input, done.output) == ("completed", {"question": "why?"}, {"answer": "because"})
        assert ids(executions.newest(workflow_id="wf-1", status="completed")) == ["exec-1"]
        assert executions.count(status="pending") == 0


def test_task_and_its_log(flow: Platform) -> None:
    """The report: "**Task** (Celery), **TaskLog**"; "Task: life cycle"."""
    celery_id = str(uuid.uuid4())
    flow.report("task.created", celery_id, name="flows.run", kind="celery", execution_id="exec-1", input=[1, 2])
    flow.report("task.queued", celery_id, queue="default")
    flow.report("task.started", celery_id, worker="celery@one")
    flow.report("task.logged", celery_id, level="WARN", message="the host is slow", context={"ms": 800})
    flow.report("task.retrying", celery_id, attempt=2, error={"type": "Timeout", "message": "too slow"})
    flow.report("task.started", celery_id, attempt=2, worker="celery@two")
    flow.report("task.progressed", celery_id, attempt=2, progress=0.5, message="half")
    flow.report("task.logged", celery_id, message="done", logger="flows")
    with flow.records() as connection:
        running = known(TaskRepository(connection).get(celery_id))
        assert (running.status, running.attempt, running.worker, running.progress) == ("running", 2, "celery@two", 0.5)
    flow.report("task.completed", celery_id, attempt=2, output={"rows": 12})
    with flow.records() as connection:
        tasks, logs = TaskRepository(connection), TaskLogRepository(connection)
        done = known(tasks.get(celery_id))
        assert (done.status, done.output, done.error) == ("completed", {"rows": 12}, None)
        assert ids(tasks.of_execution("exec-1")) == ids(tasks.newest(execution_id="exec-1")) == [celery_id]
        lines = logs.of_task(celery_id).items
        assert [(line.level, line.message) for line in lines] == [("warning", "the host is slow"), ("info", "done")]
        assert [line.message for line in logs.last_of_task(celery_id, limit=1).items] == ["done"]


def test_custom_node(flow: Platform) -> None:
    """The report: "**CustomNode** (user-defined, categories, code)"; "CustomNode: categories, search"."""
    code = "def run(x):\n    return x + 1\n"
    flow.report("custom_node.created", "node-1", name="Add one", category="math", language="python", code=code,
                user_id="user-1", inputs={"x": "number"}, outputs={"y": "number"})  # fmt: skip
    flow.report("custom_node.created", "node-2", name="Shout", category="text", user_id="user-1")
    flow.report("custom_node.disabled", "node-2", reason="too loud")
    with flow.records() as connection:
        nodes = CustomNodeRepository(connection)
        assert ids(nodes.newest(category="math")) == ["node-1"]
        assert ids(nodes.newest(user_id="user-1", status="disabled")) == ["node-2"]
        found = known(nodes.by_name("Add one"))
        assert (found.code, found.inputs, found.outputs) == (code, {"x": "number"}, {"y": "number"})


def test_columns(flow: Platform) -> None:
    """The report: "JSON columns, long text columns, enum statuses, UUID keys …; 24 indexes, 12 foreign keys"""
    key = str(uuid.uuid4())
    json = {"deep": [{"n": 1.5, "nothing": None, "text": "ä"}], "list": [], "yes": True}
    text = "x" * 200_000
    flow.report("custom_node.created", key, config=json, code=text)
    # a foreign key is a reference here: it may be reported before what it names
    flow.report("execution.created", key, workflow_id="not-reported-yet", input=json)
    with flow.records() as connection:
        node = known(CustomNodeRepository(connection).get(key))
        execution = known(ExecutionRepository(connection).get(key))
        assert (node.config, node.code, execution.input) == (json, text, json)
        assert ids(ExecutionRepository(connection).newest(workflow_id="not-reported-yet")) == [key]
        assert connection.execute(select(tables.executions.c.status)).scalar_one() == "pending"
    assert sum(len(table.indexes) for table in tables.metadata.tables.values()) > 24


def test_the_generic_repository(flow: Platform) -> None:
    """The report: "`BaseRepository[T]`: CRUD, typed filters, pagination, ordering, bulk operations, own exceptions."""
    # bulk create
    flow.publisher.publish_many([flow.event("workflow.created", f"w{n:03}", user_id=f"u{n % 2}") for n in range(120)])
    # update, delete (soft), restore
    flow.report("workflow.updated", "w000", name="the first")
    flow.report("workflow.deleted", "w001", reason="a mistake")
    flow.report("workflow.deleted", "w002")
    flow.report("workflow.restored", "w002")
    with flow.records() as connection:
        workflows = WorkflowRepository(connection)
        # read
        first, deleted, restored = (known(workflows.get(f"w00{n}")) for n in range(3))
        assert (first.name, deleted.deleted_at is None, restored.deleted_at) == ("the first", False, None)
        assert (workflows.count(), workflows.count(deleted=True), workflows.count(user_id="u1")) == (119, 120, 59)
        # pagination, by cursor and by offset; ordered by creation
        page = workflows.newest(user_id="u0", limit=50)
        rest = workflows.newest(user_id="u0", limit=50, after=page.cursor)
        assert ids(page) + ids(rest) == [f"w{n:03}" for n in range(118, -1, -2)]
        assert rest.cursor is None
        assert ids(workflows.newest(user_id="u0", limit=3, offset=57)) == ["w004", "w002", "w000"]
        with pytest.raises(BadCursor):
            workflows.newest(after="page 2")
