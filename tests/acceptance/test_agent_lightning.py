"""Agent Lightning, as its report says it: "many agents; PostgreSQL".

The quoted lines are the report's. `docs/platforms.md` is the table.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from flowledger.services.users import Forbidden, require
from flowledger.storage.lookups import (
    AgentRepository,
    ExecutionRepository,
    KnowledgeRepository,
    MetricDayRepository,
    MetricHourRepository,
    MetricRepository,
    TaskRepository,
    UserRepository,
    WorkflowRepository,
)
from tests.acceptance.conftest import MakePlatform
from tests.acceptance.reporting import START, Platform, ids, known
from tests.cli.calling import Run


@pytest.fixture
def lightning(make_platform: MakePlatform) -> Platform:
    return make_platform("/agent-lightning")


def test_agent(lightning: Platform) -> None:
    """The report: "**Agent**"."""
    lightning.report("agent.created", "agent-1", name="Planner", kind="planner", capabilities=["plan", "delegate"])
    lightning.report("agent.created", "agent-2", name="Coder", kind="coder", capabilities=["python"])
    lightning.report("agent.retired", "agent-1", reason="replaced")
    lightning.report("agent.updated", "agent-2", version="2.0", description="Writes Python.")
    with lightning.records() as connection:
        agents = AgentRepository(connection)
        assert ids(agents.newest()) == ["agent-2", "agent-1"]
        assert ids(agents.newest(kind="planner")) == ids(agents.newest(status="retired")) == ["agent-1"]
        assert ids(agents.with_capability("python")) == ["agent-2"]
        coder = known(agents.by_name("Coder"))
        assert (coder.version, coder.status) == ("2.0", "active")


def test_task_and_workflow(lightning: Platform) -> None:
    """The report: "**Task**, …, **Workflow**"."""
    lightning.report("workflow.created", "wf", name="Nightly", tags=["night"])
    lightning.report("execution.created", "run", workflow_id="wf", agent_id="agent-1")
    lightning.report("task.created", "task-1", name="plan", execution_id="run", agent_id="agent-1", priority=5)
    lightning.report("task.created", "task-2", name="code", execution_id="run", parent_task_id="task-1")
    lightning.report("task.started", "task-1")
    lightning.report("task.completed", "task-1", usage={"model": "m", "input_tokens": 12, "output_tokens": 3})
    lightning.report("task.failed", "task-2", error={"type": "SyntaxError", "message": "line 3"})
    with lightning.records() as connection:
        tasks = TaskRepository(connection)
        assert ids(tasks.of_execution("run")) == ["task-1", "task-2"]
        assert ids(tasks.newest(status="failed")) == ["task-2"]
        first, second = known(tasks.get("task-1")), known(tasks.get("task-2"))
        assert (first.priority, first.agent_id, known(first.usage)["input_tokens"]) == (5, "agent-1", 12)
        assert (second.parent_task_id, known(second.error)["type"]) == ("task-1", "SyntaxError")
        assert ids(ExecutionRepository(connection).newest(workflow_id="wf")) == ["run"]
        assert known(WorkflowRepository(connection).by_name("Nightly")).tags == ["night"]


def test_knowledge(lightning: Platform) -> None:
    """The report: "**Knowledge** (what agents learn)"."""
    lightning.report("knowledge.created", "k-1", title="Retries", content="Back off twice as long each time.",
                     kind="lesson", agent_id="agent-1", tags=["network", "retry"], confidence=0.8)  # fmt: skip
    lightning.report("knowledge.created", "k-2", title="Locks", agent_id="agent-2", tags=["database"])
    lightning.report("knowledge.updated", "k-1", confidence=0.9)
    lightning.report("knowledge.deleted", "k-2")
    with lightning.records() as connection:
        knowledge = KnowledgeRepository(connection)
        assert ids(knowledge.of_agent("agent-1")) == ids(knowledge.with_tag("retry")) == ["k-1"]
        assert known(knowledge.get("k-1")).confidence == 0.9
        assert ids(knowledge.search("twice LONG")) == ids(knowledge.search("retri*")) == ["k-1"]
        assert (ids(knowledge.with_tag("database")), ids(knowledge.with_tag("database", deleted=True))) == ([], ["k-2"])


def test_metric(lightning: Platform) -> None:
    """The report: "**Metric**"; "Watches: query times, pool use, transactions/s, database growth, index use".

    What a platform watches of its own database, it reports as metrics.
    """
    for milliseconds in (12, 80, 31):
        lightning.report("metric.recorded", "db-1", name="query_time", value=milliseconds, unit="ms", kind="gauge",
                         labels={"query": "agents"}, workspace_id="ws")  # fmt: skip
    lightning.clock += timedelta(hours=1)
    lightning.report("metric.recorded", "db-1", name="query_time", value=140, unit="ms", kind="gauge")
    lightning.report("metric.recorded", "db-1", name="pool_use", value=0.25, kind="gauge")
    with lightning.records() as connection:
        points, hours = MetricRepository(connection), MetricHourRepository(connection)
        later = START + timedelta(hours=1)
        assert [one.value for one in points.series("db-1", "query_time", until=later).items] == [12, 80, 31]
        assert [one.value for one in points.newest(subject="db-1", since=later).items] == [0.25, 140]
        sums = [(one.start, one.count, one.sum, one.max) for one in hours.series("db-1", "query_time").items]
        assert sums == [(START, 3, Decimal(123), 80.0), (later, 1, Decimal(140), 140.0)]
        (day,) = MetricDayRepository(connection).series("db-1", "query_time").items
        assert (day.count, day.min, day.max) == (4, 12, 140)


def test_what_is_watched(lightning: Platform, run: Run) -> None:
    """The report: "Watches: …, pool use, transactions/s, …"."""
    for number in range(3):
        lightning.report("task.created", f"task-{number}")
    lightning.office.drain()
    status = run("status", "--json").json
    assert status["totals"]["recorded"] == 3
    assert {"rate_10s", "rate_60s", "database"} <= status.keys()
    assert status["database"]["pool"] == "20+40"


def test_session_and_user(lightning: Platform, run: Run) -> None:
    """The report: "**Session** (authentication), **User** (access control)"."""
    lightning.report("user.created", "usr", email="linus@example.org", role="viewer")
    lightning.office.drain()
    users = lightning.users
    users.set_password("usr", "correct horse battery", by="the operator")
    laptop, phone = (
        users.sign_in("linus@example.org", "correct horse battery", user_agent=agent) for agent in ("laptop", "phone")
    )
    with pytest.raises(Forbidden):
        require(laptop.session, "user")
    assert [one.user_agent for one in users.sessions("usr").items] == ["phone", "laptop"]
    users.sign_out(phone.session)
    assert users.session_of(phone.token) is None
    (listed,) = run("users", "sessions", "usr", "--valid", "--json").json["sessions"]
    assert listed["user_agent"] == "laptop"
    assert run("users", "revoke", "usr").code == 0
    assert users.session_of(laptop.token) is None


def test_views(lightning: Platform, run: Run) -> None:
    """The report: "views for common queries"."""
    lightning.report("agent.created", "agent-1", name="Coder")
    lightning.report("execution.created", "run", workflow_id="wf", agent_id="agent-1")
    lightning.report("task.created", "task-1", execution_id="run", agent_id="agent-1")
    lightning.report("task.failed", "task-1", error={"message": "line 3"})
    with lightning.records() as connection:
        (summary,) = connection.execute(text("SELECT id, agent_name, tasks, tasks_failed FROM execution_summary"))
        assert tuple(summary) == ("run", "Coder", 1, 1)
        (activity,) = connection.execute(text("SELECT name, executions, tasks_failed FROM agent_activity"))
        assert tuple(activity) == ("Coder", 1, 1)
    # and for people who do not write SQL
    listed = run("list", "tasks", "--agent-id", "agent-1", "--status", "failed", "--json").json
    assert [one["id"] for one in listed["rows"]] == ["task-1"]


def test_initial_data(lightning: Platform, run: Run) -> None:
    """The report: "**Agent** (10 default ones)"; "initial data". Done twice, it is done once."""
    for _ in range(2):
        assert run("seed", "--admin", "root@example.org").code == 0
        with lightning.records() as connection:
            assert AgentRepository(connection).count(status="active") == 10
            assert known(UserRepository(connection).by_email("root@example.org")).role == "admin"


def test_updated_at(lightning: Platform) -> None:
    """The report: "`updated_at` kept by the database". Here it is the time of the last event about the record."""
    lightning.report("agent.created", "agent-1", name="Planner")
    with lightning.records() as connection:
        before = known(AgentRepository(connection).get("agent-1"))
    lightning.report("agent.updated", "agent-1", version="2")
    with lightning.records() as connection:
        after = known(AgentRepository(connection).get("agent-1"))
    assert before.updated_at == before.created_at == START
    assert (after.created_at, after.updated_at) == (START, START + timedelta(seconds=1))


def test_a_switch_to_stop_writing_to_the_database(lightning: Platform, run: Run) -> None:
    """The report: "a switch to stop writing to the database". Events wait in Redis meanwhile; none is lost."""
    assert run("pause", "--why", "maintenance").code == 0
    lightning.report("agent.created", "agent-1", name="Planner")
    lightning.drain_once()
    assert lightning.publisher.backlog() == 1
    with lightning.storage.reading() as connection:
        assert AgentRepository(connection).get("agent-1") is None
    assert run("status", "--json").json["paused"]["all"]["why"] == "maintenance"
    assert run("resume").code == 0
    with lightning.records() as connection:
        assert known(AgentRepository(connection).get("agent-1")).name == "Planner"
