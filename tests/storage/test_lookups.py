"""What all kinds have: filters, order, names, and errors that say what there is. The page that tells of it is right."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from flowledger import errors, lookups
from flowledger.domain.json_text import loads
from flowledger.storage.kinds.agents import AgentRepository
from flowledger.storage.kinds.audit import AuditLogRepository
from flowledger.storage.kinds.logs import TaskLogRepository
from flowledger.storage.kinds.messages import DeliveryRepository
from flowledger.storage.kinds.sandboxes import SandboxRepository
from flowledger.storage.kinds.tasks import TaskRepository
from flowledger.storage.kinds.workflows import WorkflowRepository
from flowledger.storage.kinds.workspaces import WorkspaceRepository
from flowledger.storage.repository import SubjectRepository
from flowledger.storage.unit_of_work import Storage
from tests.builders import event
from tests.documented import block
from tests.plans.catalogue import REPOSITORIES
from tests.storage.recording import record
from tests.storage.test_merge_rule import at, moment

PAGE: Final = "docs/contract/lookups.md"


def ids(page: Any) -> list[str]:
    return [getattr(one, "id", None) or one.event_id for one in page.items]


@pytest.fixture
def agents(storage: Storage) -> Storage:
    """Six agents, of which one is deleted."""
    record(
        storage,
        *(event("agent.created", subject=f"a{n}", time=at(n), user_id=f"u{n % 3}", kind="k") for n in range(6)),
        event("agent.retired", subject="a1", time=at(9)),
        event("agent.deleted", subject="a5", time=at(9)),
    )
    return storage


def test_the_oldest_may_come_first(agents: Storage) -> None:
    with agents.reading() as connection:
        repository = AgentRepository(connection)
        first = repository.oldest(limit=2)
        assert ids(first) == ["a0", "a1"]
        assert ids(repository.oldest(limit=9, after=first.cursor, deleted=True)) == ["a2", "a3", "a4", "a5"]
        assert ids(repository.oldest(user_id="u1", offset=1)) == ["a4"]


def test_a_filter_may_have_several_values(agents: Storage) -> None:
    with agents.reading() as connection:
        repository = AgentRepository(connection)
        assert ids(repository.newest(user_id=("u0", "u1"))) == ["a4", "a3", "a1", "a0"]
        assert ids(repository.newest(user_id=["u0", "u0"], status={"active"})) == ["a3", "a0"]
        assert ids(repository.newest(user_id=None, status=["active", "retired"])) == ["a4", "a3", "a2", "a1", "a0"]
        assert ids(repository.newest(user_id=[])) == []
        assert repository.count(user_id=("u0", "u1"), deleted=True) == 4


def test_records_are_listed_by_the_time_they_were_created(agents: Storage) -> None:
    with agents.reading() as connection:
        repository = AgentRepository(connection)
        assert ids(repository.newest(since=moment(1), until=moment(3))) == ["a2", "a1"]
        assert ids(repository.oldest(since=moment(4), deleted=True)) == ["a4", "a5"]
        assert repository.count(until=moment(3)) == 3


def test_an_unknown_filter_is_told_with_those_that_there_are(storage: Storage) -> None:
    with storage.reading() as connection:
        with pytest.raises(
            errors.UnknownFilter, match=r"tasks are listed by execution_id, .*, not by 'worker'"
        ) as told:
            TaskRepository(connection).newest(worker="w")
        assert (told.value.table, told.value.name) == ("tasks", "worker")
        assert told.value.known == TaskRepository.listed_by
        for count in (TaskRepository(connection).count, TaskLogRepository(connection).count):
            with pytest.raises(errors.UnknownFilter):
                count(message="m")


@pytest.mark.parametrize("repository", [one for one in REPOSITORIES if issubclass(one, SubjectRepository)])
def test_names_are_looked_up_or_refused(storage: Storage, repository: type[SubjectRepository[Any]]) -> None:
    with storage.reading() as connection:
        if repository.has_names:
            assert repository(connection).by_name("n") is None
        else:
            with pytest.raises(errors.UnknownFilter, match="not by 'name'"):
                repository(connection).by_name("n")


def test_workspaces_and_sandboxes_are_found_by_name(storage: Storage) -> None:
    for kind in ("workspace", "sandbox"):
        record(storage, *(event(f"{kind}.created", subject=f"{kind}{n}", time=at(9 - n), name="n") for n in range(3)))
    with storage.reading() as connection:
        workspace, sandbox = WorkspaceRepository(connection).by_name("n"), SandboxRepository(connection).by_name("n")
        assert (workspace and workspace.id, sandbox and sandbox.id) == ("workspace2", "sandbox2")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"status": "retird"}, "agents.status is one of active, retired, not 'retird'"),
        ({"status": ["active", "x"]}, "is one of"),
        ({"user_id": 5}, "user_id must be a text or a list of texts, not int"),
        ({"user_id": b"u"}, "must be a text"),
        ({"user_id": ["u", None]}, "must be a text"),
        ({"user_id": [str(n) for n in range(101)]}, "100 values at most"),
        ({"since": datetime(2026, 1, 1)}, "since must be a datetime with a zone"),
        ({"until": "2026-01-01"}, "until must be a datetime with a zone"),
        ({"limit": 0}, "limit must be 1 to 1000"),
        ({"offset": 2**31}, "offset must be 0 to"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused(storage: Storage, asked: dict[str, Any], words: str) -> None:
    with storage.reading() as connection, pytest.raises(errors.InvalidArgument, match=re.escape(words)):
        AgentRepository(connection).newest(**asked)


def test_lines_of_the_audit_log_are_listed_in_the_same_ways(storage: Storage) -> None:
    record(storage, *(event("audit.logged", subject="r", id=str(n), time=at(n), user_id=f"u{n % 3}") for n in range(6)))
    with storage.reading() as connection:
        log = AuditLogRepository(connection)
        assert ids(log.oldest(user_id=["u0", "u1"], since=moment(1))) == ["1", "3", "4"]
        assert log.count(since=moment(1), until=moment(3), resource_id="r") == 2


def test_log_lines_are_listed_by_node_level_and_time(storage: Storage) -> None:
    lines = [("info", "a"), ("error", "b"), ("error", "a"), ("debug", None)]
    for n, (level, node) in enumerate(lines):
        told: dict[str, Any] = {"level": level, "message": str(n)} | ({} if node is None else {"node": node})
        record(storage, event("execution.logged", subject="e", time=at(n), **told), start=n * 2 + 1)
        record(storage, event("task.logged", subject="t", time=at(n), level=level, message=str(n)), start=n * 2 + 2)

    def said(page: Any) -> list[str]:
        return [one.message for one in page.items]

    with storage.reading() as connection:
        logs = TaskLogRepository(connection)
        assert said(logs.of_execution("e", node="a")) == ["0", "2"]
        assert said(logs.of_execution("e", level="error", since=moment(2))) == ["2"]
        assert said(logs.of_task("t", level=("error", "debug"))) == ["1", "2", "3"]
        assert said(logs.of_task("t", until=moment(1))) == ["0"]
        with pytest.raises(errors.InvalidArgument, match="level is one of debug"):
            logs.of_task("t", level="loud")


def test_deliveries_to_a_sandbox_are_listed_by_status(storage: Storage) -> None:
    record(
        storage,
        *(event("message.sent", subject=f"m{n}", to_sandbox_ids=["b", "c"]) for n in range(3)),
        event("message.delivered", subject="m1", to_sandbox_id="b"),
    )
    with storage.reading() as connection:
        deliveries = DeliveryRepository(connection)
        assert [one.message_id for one in deliveries.of_sandbox("b").items] == ["m0", "m1", "m2"]
        assert [one.message_id for one in deliveries.of_sandbox("b", status="delivered").items] == ["m1"]
        assert deliveries.count(to_sandbox_id="b", status=("pending", "delivered")) == 3


def test_a_workflow_is_copied_by_two_events(storage: Storage) -> None:
    record(
        storage,
        event("workflow.created", subject="w", time=at(1), name="n", tags=["t"], visibility="public"),
        event("workflow.versioned", subject="w", time=at(2), version=1, definition={"nodes": [{"id": "a"}]}),
        event("workflow.versioned", subject="w", time=at(3), version=2, definition={"nodes": []}),
    )
    with storage.reading() as connection:
        workflows = WorkflowRepository(connection)
        latest = workflows.copy("w", source="/me", name="other")
        assert latest is not None
        assert loads(latest[1].to_json())["data"]["definition"] == {"nodes": []}
        assert workflows.copy("nobody", source="/me") is None
        assert workflows.copy("w", source="/me", version=9) is None
        with pytest.raises(errors.UnknownField):
            workflows.copy("w", source="/me", colour="red")
        copied = workflows.copy("w", source="/me", version=1, subject="w2", user_id="u")
    assert copied is not None
    record(storage, *(one.to_json().encode() for one in copied), start=50)
    with storage.reading() as connection:
        found = WorkflowRepository(connection).get("w2")
        changes = lookups.WorkflowVersionRepository(connection).changes("w", 1, 1)
        kept = lookups.WorkflowVersionRepository(connection).get("w2", 1)
    assert found is not None
    assert (found.name, found.tags, found.visibility, found.user_id, found.latest_version) == (
        "n",
        ["t"],
        "public",
        "u",
        1,
    )
    assert kept is not None
    assert kept.definition == {"nodes": [{"id": "a"}]}
    assert changes is not None
    assert changes.is_none


def test_the_page_names_the_filters_of_each_kind() -> None:
    text = (Path(__file__).parents[2] / PAGE).read_text()
    table = text.partition("| records | filters |")[2].partition("\n\n")[0]
    told = {
        record: row[1].split()
        for row in re.findall(r"^\| ([^|`]+) \| `([^`]+)` \|$", table, re.MULTILINE)
        for record in row[0].split(", ")
    }
    names = {"mcp servers": "mcp_servers", "audit lines": "audit_logs", "custom nodes": "custom_nodes"}
    found = {names.get(record.lower(), record): filters for record, filters in told.items()}
    own = {"execution_logs", "task_logs", "message_deliveries", "workflow_versions", "metric_hours", "metric_days"}
    assert found == {one.table.name: list(one.listed_by) for one in REPOSITORIES if one.table.name not in own}


def test_the_programs_of_the_page_run(storage: Storage, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    record(
        storage,
        event("execution.failed", subject="e", time=datetime.now(UTC).isoformat()),
        event("execution.created", subject="e", workflow_id="wf_1", agent_id="agent_1"),
        event("task.created", subject="t", execution_id="e"),
    )
    monkeypatch.setenv("DATABASE_URL", database_url)
    names: dict[str, Any] = {}
    exec(block(PAGE, "python", "with Storage.open"), names)
    assert (ids(names["page"]), ids(names["tasks"]["e"]), names["page"].cursor) == (["e"], ["t"], None)
    program = block(PAGE, "python", "AsyncStorage")
    within = "\n".join(f"    {line}" for line in program.splitlines())
    exec(f"async def run():\n{within}\n    return page", names)
    assert ids(asyncio.run(names["run"]())) == ["e"]
