"""Many records at once: one query for many ids, and one for the children of many parents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest

from flowledger.domain.errors import InvalidArgument
from flowledger.storage.kinds.audit import AuditLogRepository
from flowledger.storage.kinds.executions import ExecutionLogRepository
from flowledger.storage.kinds.logs import TaskLogRepository
from flowledger.storage.kinds.sandboxes import SandboxRepository
from flowledger.storage.kinds.tasks import TaskRepository
from flowledger.storage.kinds.workflows import WorkflowVersionRepository
from flowledger.storage.paging import Page
from flowledger.storage.unit_of_work import Storage
from tests.builders import event
from tests.plans.explained import statements
from tests.storage.recording import record
from tests.storage.test_merge_rule import at

PARENTS: Final = 12
OF_PARENT: Final = 5

CHILDREN: Final[dict[str, tuple[Callable[[int, int], dict[str, Any]], Any, Any]]] = {
    "tasks": (
        lambda parent, n: event("task.created", subject=f"t{parent}-{n}", time=at(n), execution_id=f"p{parent}"),
        lambda c, ids, **paging: TaskRepository(c).of_executions(ids, **paging),
        lambda c, id_, **paging: TaskRepository(c).of_execution(id_, **paging),
    ),
    "node runs": (
        lambda parent, n: event("node.started", subject=f"p{parent}", time=at(n), node="n", iteration=n),
        lambda c, ids, **paging: ExecutionLogRepository(c).of_executions(ids, **paging),
        lambda c, id_, **paging: ExecutionLogRepository(c).of_execution(id_, **paging),
    ),
    "sandboxes": (
        lambda parent, n: event("sandbox.created", subject=f"s{parent}-{n}", time=at(n), workspace_id=f"p{parent}"),
        lambda c, ids, **paging: SandboxRepository(c).of_workspaces(ids, **paging),
        lambda c, id_, **paging: SandboxRepository(c).of_workspace(id_, **paging),
    ),
    "log lines": (
        lambda parent, n: event("task.logged", subject=f"p{parent}", time=at(n), message=str(n)),
        lambda c, ids, **paging: TaskLogRepository(c).of_tasks(ids, **paging),
        lambda c, id_, **paging: TaskLogRepository(c).of_task(id_, **paging),
    ),
    "versions": (
        lambda parent, n: event("workflow.versioned", subject=f"p{parent}", time=at(n), version=n + 1, definition={}),
        lambda c, ids, **paging: WorkflowVersionRepository(c).of_workflows(ids, **paging),
        lambda c, id_, **paging: WorkflowVersionRepository(c).of_workflow(id_, **paging),
    ),
}


@pytest.mark.parametrize("name", CHILDREN)
def test_the_children_of_many_parents_are_those_of_each_by_one_query(storage: Storage, name: str) -> None:
    made, of_many, of_one = CHILDREN[name]
    record(storage, *(made(parent, n) for parent in range(PARENTS) for n in range(OF_PARENT)))
    ids = ["p3", "nobody", *(f"p{n}" for n in range(PARENTS))]
    with storage.reading() as connection:
        found: dict[str, Page[Any]] = {}
        asked = statements(connection, lambda c: found.update(of_many(c, ids, limit_each=3)))
        in_weeks = name == "log lines" and connection.dialect.name == "postgresql"  # in which is asked first
        assert len(asked) == 1 + in_weeks
        assert list(found) == list(dict.fromkeys(ids))
        assert found["nobody"] == Page((), None)
        for id_, page in found.items():
            assert page == of_one(connection, id_, limit=3)
        assert len(found["p3"].items) == 3
        rest = of_one(connection, "p3", after=found["p3"].cursor)
        assert [*found["p3"].items, *rest.items] == [*of_one(connection, "p3").items]
        assert of_many(connection, ids, limit_each=OF_PARENT)["p3"].cursor is None


def test_no_parents_are_no_query(storage: Storage) -> None:
    with storage.reading() as connection:
        assert statements(connection, lambda c: TaskRepository(c).of_executions([])) == []
        assert statements(connection, lambda c: TaskRepository(c).get_many([])) == []


def test_many_ids_are_read_by_one_query_in_their_order(storage: Storage) -> None:
    record(storage, *(event("task.created", subject=f"t{n}") for n in range(9)))
    with storage.reading() as connection:
        found: dict[str, Any] = {}
        asked = ["t5", "x", "t1", "t5"]
        assert len(statements(connection, lambda c: found.update(TaskRepository(c).get_many(asked)))) == 1
        assert list(found) == ["t5", "t1"]
        assert found["t5"] == TaskRepository(connection).get("t5")


def test_many_events_are_read_by_source_and_id(storage: Storage) -> None:
    record(storage, *(event("audit.logged", id=str(n), source=f"/s{n % 2}", action="a") for n in range(6)))
    with storage.reading() as connection:
        log = AuditLogRepository(connection)
        found = log.get_many([("/s1", "3"), ("/s0", "3"), ("/s0", "0")])
        assert list(found) == [("/s1", "3"), ("/s0", "0")]
        assert found["/s1", "3"] == log.get("/s1", "3")


def test_too_many_at_once_are_refused(storage: Storage) -> None:
    ids = [str(n) for n in range(1001)]
    with storage.reading() as connection:
        tasks = TaskRepository(connection)
        assert tasks.get_many(ids[1:]) == {}
        assert len(tasks.of_executions(ids[1:])) == 1000
        with pytest.raises(InvalidArgument, match="1000 records at most"):
            tasks.get_many(ids)
        with pytest.raises(InvalidArgument, match="1000 ids at most"):
            tasks.of_executions(ids)
        with pytest.raises(InvalidArgument, match="limit must be 1 to 100"):
            tasks.of_executions(["x"], limit_each=101)


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "'", "%s", "x" * 10_000])
def test_any_text_may_be_asked_for(storage: Storage, text: str) -> None:
    with storage.reading() as connection:
        tasks = TaskRepository(connection)
        assert tasks.get(text) is None
        assert tasks.get_many([text]) == {}
        assert tasks.newest(agent_id=text).items == ()
        assert tasks.of_executions([text]) == {text: Page((), None)}
