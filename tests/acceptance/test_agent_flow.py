"""Agent-Flow V2, as its report says it: "workflow platform; SQLModel, async; PostgreSQL, SQLite for development".

The quoted lines are the report's. What they name is found here under our names; `docs/platforms.md` is the table.
"""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from enum import Enum

import pytest
from sqlalchemy import select

from flowledger import AsyncPublisher, Envelope
from flowledger.domain.errors import InvalidArgument, UnknownFilter
from flowledger.domain.events import ExecutionCompleted, ExecutionCreated, ExecutionStarted
from flowledger.services.users import Forbidden, SignInRefused, require
from flowledger.services.vault import Credentials, VaultKeyFile
from flowledger.storage import tables
from flowledger.storage.async_storage import AsyncStorage
from flowledger.storage.lookups import (
    AuditLogRepository,
    BadCursor,
    CustomNodeRepository,
    ExecutionRepository,
    TaskLogRepository,
    TaskRepository,
    UserRepository,
    WorkflowRepository,
    WorkflowVersionRepository,
)
from tests.acceptance.conftest import MakePlatform
from tests.acceptance.reporting import START, Platform, ids, known


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
        # "User: … search …"
        assert ids(users.search("hop")) == ["user-1"]
        assert ids(users.search("example viewer")) == ["user-2"]
        left = known(users.get("user-1"))
        assert (left.status, left.reason, left.full_name, left.settings) == (
            "inactive", "left", "Grace Hopper", {"theme": "dark"}
        )  # fmt: skip


def test_authenticate(flow: Platform) -> None:
    """The report: "User: authenticate, …, deactivate"."""
    flow.report("user.created", "user-1", email="grace@example.org", role="user")
    flow.office.drain()
    users = flow.users
    users.set_password("user-1", "correct horse battery", by="the operator")
    signed_in = users.sign_in("Grace@Example.org", "correct horse battery", address="192.0.2.7")
    session = known(users.session_of(signed_in.token))
    assert (session.user_id, session.role) == ("user-1", "user")
    require(session, "viewer")
    with pytest.raises(Forbidden):
        require(session, "admin")
    with pytest.raises(SignInRefused):
        users.sign_in("grace@example.org", "a guess", address="192.0.2.7")
    flow.report("user.deactivated", "user-1")
    flow.office.drain()
    assert users.session_of(signed_in.token) is None
    with pytest.raises(SignInRefused):
        users.sign_in("grace@example.org", "correct horse battery")


def test_credential(flow: Platform, vault_keys: VaultKeyFile) -> None:
    """The report: "**Credential** (encrypted, by user and service type)"."""
    credentials = Credentials(flow.storage, vault_keys)
    key = credentials.add("user-1", "openai", "my key", "sk-live-0123456789", by="user-1")
    credentials.add("user-1", "slack", "bot", "xoxb-1", by="user-1")
    credentials.add("user-2", "openai", "hers", "sk-live-2", by="user-2")
    assert [one.name for one in credentials.of_user("user-1").items] == ["bot", "my key"]
    (found,) = credentials.of_user("user-1", "openai").items
    assert (found.id, found.name, found.key_version) == (key, "my key", 1)
    assert credentials.get(key).get_secret_value() == b"sk-live-0123456789"
    with flow.records() as connection:
        sealed = connection.execute(select(tables.credentials.c.sealed)).scalars().all()
        assert all(b"sk-live" not in value and b"xoxb-1" not in value for value in sealed)
        read = AuditLogRepository(connection).newest(resource_id=key).items
        assert [(line.action, line.user_id) for line in read] == [("credential.added", None)]
    credentials.set(key, "sk-live-9876543210", by="user-1")
    assert credentials.get(key).get_secret_value() == b"sk-live-9876543210"
    credentials.delete(key, by="user-1")
    assert credentials.find(key) is None


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
        # "clone": two events make a workflow of its own, which begins with a version of the other
        clone = workflows.copy("wf-1", version=1, source="/agent-flow", subject="wf-3", user_id="user-1")
    flow.publisher.publish_many(known(clone))
    with flow.records() as connection:
        assert known(WorkflowRepository(connection).get("wf-3")).user_id == "user-1"
        assert known(WorkflowVersionRepository(connection).get("wf-3", 1)).definition == FLOW_DATA


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
        assert (ids(nodes.search("add")), ids(nodes.search("add", category="text"))) == (["node-1"], [])
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
        assert list(workflows.get_many(["w119", "w001", "w000", "nobody"])) == ["w119", "w001", "w000"]
        # typed filters
        assert workflows.count(user_id=["u0", "u1"], status="draft") == 119
        with pytest.raises(UnknownFilter):
            workflows.newest(colour="red")
        with pytest.raises(InvalidArgument):
            workflows.newest(status="lost")
        # pagination, by cursor and by offset; ordered by creation
        page = workflows.newest(user_id="u0", limit=50)
        rest = workflows.newest(user_id="u0", limit=50, after=page.cursor)
        assert ids(page) + ids(rest) == [f"w{n:03}" for n in range(118, -1, -2)]
        assert rest.cursor is None
        assert ids(workflows.oldest(until=START + timedelta(seconds=3))) == ["w000", "w002"]
        assert ids(workflows.newest(user_id="u0", limit=3, offset=57)) == ["w004", "w002", "w000"]
        with pytest.raises(BadCursor):
            workflows.newest(after="page 2")


def test_async(flow: Platform, database_url: str) -> None:
    """The report: "async": the same from an event loop."""

    async def report_and_look() -> list[str]:
        async with AsyncPublisher(settings=flow.settings) as publisher:
            await publisher.publish(flow.event("execution.created", "exec-1", workflow_id="wf-1"))
        await asyncio.to_thread(flow.office.drain)
        async with AsyncStorage.open(database_url) as storage, storage.reading() as read:
            return ids(await read.run(lambda connection: ExecutionRepository(connection).newest(workflow_id="wf-1")))

    assert asyncio.run(report_and_look()) == ["exec-1"]
