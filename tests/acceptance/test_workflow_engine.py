"""The workflow engine "Phase 3", as its report says it: "SQLAlchemy async; PostgreSQL, SQLite for tests".

The quoted lines are the report's; its Graph is a workflow here, its Run an execution. `docs/platforms.md` is the table.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from flowledger.services.vault import Vault, VaultKeyFile
from flowledger.storage import tables
from flowledger.storage.lookups import (
    AuditLogRepository,
    ExecutionLogRepository,
    ExecutionRepository,
    TaskLogRepository,
    TaskRepository,
    WorkflowRepository,
    WorkflowVersionRepository,
)
from tests.acceptance.conftest import MakePlatform
from tests.acceptance.reporting import START, Platform, ids, known

CYCLE = {
    "nodes": [{"id": "draft"}, {"id": "review"}],
    "edges": [{"source": "draft", "target": "review"}, {"source": "review", "target": "draft"}],
}
"""A graph that runs until the review is content."""


@pytest.fixture
def engine(make_platform: MakePlatform) -> Platform:
    return make_platform("/workflow-engine")


def create_graph(engine: Platform, id: str, name: str, definition: dict[str, Any]) -> None:
    engine.report("workflow.created", id, name=name)
    engine.report("workflow.versioned", id, version=1, definition=definition)
    engine.report("workflow.published", id, version=1)


def run_graph(engine: Platform, run_id: str, graph: str) -> None:
    """A run of the cyclic graph: two iterations."""
    engine.report("execution.created", run_id, workflow_id=graph, initial_state={"text": ""})
    engine.report("execution.started", run_id)
    for iteration in (1, 2):
        for node in ("draft", "review"):
            engine.report("node.started", run_id, node=node, iteration=iteration)
            engine.report("node.completed", run_id, node=node, iteration=iteration, state={"after": [node, iteration]})
        engine.report("execution.checkpointed", run_id, state={"text": "x" * iteration}, iterations=iteration)
    engine.report("execution.logged", run_id, message="the review is content", node="review", iteration=2)


def test_graph(engine: Platform) -> None:
    """The report: "**Graph** (unique name, definition, version, `is_active` soft delete)".

    "Graph: create, by id, by name, list, update, soft delete"
    """
    create_graph(engine, "graph-1", "essay", CYCLE)
    create_graph(engine, "graph-2", "letter", {"nodes": []})
    engine.report("workflow.updated", "graph-1", description="Writes until it is good.")
    engine.report("workflow.versioned", "graph-1", version=2, definition=CYCLE | {"limit": 5})
    with engine.records() as connection:
        graphs, versions = WorkflowRepository(connection), WorkflowVersionRepository(connection)
        assert known(graphs.get("graph-1")).description == "Writes until it is good."
        essay = known(graphs.by_name("essay"))
        assert (essay.id, essay.published_version, essay.latest_version) == ("graph-1", 1, 2)
        assert known(versions.get("graph-1", 1)).definition == CYCLE
        assert ids(graphs.newest()) == ["graph-2", "graph-1"]
    # is_active = False
    engine.report("workflow.deleted", "graph-1")
    with engine.records() as connection:
        graphs = WorkflowRepository(connection)
        assert (ids(graphs.newest()), graphs.by_name("essay")) == (["graph-2"], None)
        assert ids(graphs.newest(deleted=True)) == ["graph-2", "graph-1"]
        assert known(graphs.get("graph-1")).deleted_at is not None


def test_a_name_that_is_taken_twice(engine: Platform) -> None:
    """The report: "unique name". Here no event is refused for a name; `by_name` gives the graph created first."""
    create_graph(engine, "graph-1", "essay", CYCLE)
    create_graph(engine, "graph-2", "essay", CYCLE)
    with engine.records() as connection:
        assert known(WorkflowRepository(connection).by_name("essay")).id == "graph-1"
    engine.report("workflow.deleted", "graph-1")
    with engine.records() as connection:
        assert known(WorkflowRepository(connection).by_name("essay")).id == "graph-2"


def test_run(engine: Platform) -> None:
    """The report: "**Run** (`run_id`, graph, status, initial, current and final state, times, duration, iterations)".

    "Run: create, by id, by run id with its graph, list by graph and status, update status with times, final state"
    """
    create_graph(engine, "graph-1", "essay", CYCLE)
    run_graph(engine, "run-1", "graph-1")
    engine.report("execution.created", "run-2", workflow_id="graph-1")
    with engine.records() as connection:
        running = known(ExecutionRepository(connection).get("run-1"))
        assert (running.status, running.iterations, running.current_state) == ("running", 2, {"text": "xx"})
        assert (running.initial_state, running.final_state, running.took_seconds) == ({"text": ""}, None, None)
    engine.report("execution.completed", "run-1", final_state={"text": "xx", "good": True}, iterations=2)
    with engine.records() as connection:
        runs = ExecutionRepository(connection)
        run = known(runs.get("run-1"))
        assert run.final_state == {"text": "xx", "good": True}
        assert run.started_at is not None
        assert run.finished_at is not None
        assert run.took_seconds == (run.finished_at - run.started_at).total_seconds() > 0
        assert run.created_at > START
        # with its graph
        graph = known(WorkflowRepository(connection).get(known(run.workflow_id)))
        assert graph.name == "essay"
        assert ids(runs.newest(workflow_id="graph-1")) == ["run-2", "run-1"]
        assert ids(runs.newest(workflow_id="graph-1", status="completed")) == ["run-1"]


def test_execution_log(engine: Platform) -> None:
    """The report: "**ExecutionLog** (node, status, iteration for cyclic graphs, state snapshot)".

    "Log: create, by run in order of time, by run and node in order of iteration"
    """
    run_graph(engine, "run-1", "graph-1")
    engine.report("node.started", "run-1", node="draft", iteration=3)
    engine.report("node.failed", "run-1", node="draft", iteration=3, error={"message": "no ink"}, state={"ink": 0})
    with engine.records() as connection:
        logs = ExecutionLogRepository(connection)
        by_run = [(log.iteration, log.node, log.status) for log in logs.of_execution("run-1").items]
        assert by_run == [
            (1, "draft", "completed"), (1, "review", "completed"),
            (2, "draft", "completed"), (2, "review", "completed"),
            (3, "draft", "failed"),
        ]  # fmt: skip
        drafts = logs.of_node("run-1", "draft").items
        assert [log.iteration for log in drafts] == [1, 2, 3]
        assert [log.state for log in drafts] == [{"after": ["draft", 1]}, {"after": ["draft", 2]}, {"ink": 0}]
        assert known(drafts[2].error)["message"] == "no ink"
        (line,) = TaskLogRepository(connection).of_execution("run-1").items
        assert (line.message, line.node, line.iteration) == ("the review is content", "review", 2)


def test_eager_loading(engine: Platform) -> None:
    """The report: "eager loading": what belongs to several runs, in one query."""
    for run_id in ("run-1", "run-2"):
        run_graph(engine, run_id, "graph-1")
    engine.report("task.created", "task-1", execution_id="run-2")
    with engine.records() as connection:
        runs = ["run-1", "run-2"]
        nodes = ExecutionLogRepository(connection).of_executions(runs, limit_each=3)
        assert [[log.node for log in nodes[run].items] for run in runs] == [["draft", "review", "draft"]] * 2
        tasks = TaskRepository(connection).of_executions(runs)
        assert [ids(tasks[run]) for run in runs] == [[], ["task-1"]]


def test_indexes(engine: Platform) -> None:
    """The report: "composite indexes (status + created, graph + status, run + timestamp, run + node)".

    Runs that failed have an index of their own by time, for no index names a status that reports change.
    """
    for run_id, minute in (("run-1", 0), ("run-2", 1), ("run-3", 2)):
        engine.clock = START + timedelta(minutes=minute)
        engine.report("execution.created", run_id, workflow_id="graph-1")
        engine.report("execution.failed", run_id, error={"message": "no"})
    engine.report("execution.retrying", "run-3", attempt=2)
    with engine.records() as connection:
        runs = ExecutionRepository(connection)
        assert ids(runs.failed()) == ["run-2", "run-1"]
        since = START + timedelta(minutes=1)
        assert ids(runs.failed(since=since, workflow_id="graph-1")) == ["run-2"]
        assert (runs.count_failed(), runs.count(status=("failed", "retrying"))) == (2, 3)


def test_encryption_at_rest(engine: Platform, vault_keys: VaultKeyFile) -> None:
    """The report: wanted next: "encryption at rest". What is secret is sealed; the rest is for the disk to encrypt."""
    vault = Vault(engine.storage, vault_keys)
    vault.set("OPENAI", "sk-live-0123456789", by="the operator")
    with engine.records() as connection:
        assert b"sk-live" not in connection.execute(select(tables.secrets.c.sealed)).scalar_one()
    assert vault.get("OPENAI").get_secret_value() == b"sk-live-0123456789"


def test_pagination_everywhere(engine: Platform) -> None:
    """The report: "pagination everywhere"; wanted next: "streaming of very large log queries".

    A page costs the same wherever it is, because it begins at a cursor: to stream is to ask for the next page.
    """
    lines = [engine.event("execution.logged", "run-1", message=str(n), level="debug") for n in range(250)]
    engine.publisher.publish_many(lines)
    with engine.records() as connection:
        logs = TaskLogRepository(connection)
        streamed: list[str] = []
        page = logs.of_execution("run-1", limit=100)
        streamed += [line.message for line in page.items]
        while page.cursor is not None:
            page = logs.of_execution("run-1", limit=100, after=page.cursor)
            streamed += [line.message for line in page.items]
        assert streamed == [str(n) for n in range(250)]


def test_audit_log(engine: Platform) -> None:
    """The report: wanted next: "audit log"."""
    engine.report("audit.logged", "graph-1", action="delete", user_id="ada", resource_type="graph", success=True)
    engine.report("audit.logged", "graph-2", action="update", user_id="ada", resource_type="graph", success=False)
    with engine.records() as connection:
        audit = AuditLogRepository(connection)
        assert [line.action for line in audit.newest(user_id="ada").items] == ["update", "delete"]
        (line,) = audit.newest(resource_id="graph-1").items
        assert (line.action, line.success, line.time) == ("delete", True, START)
