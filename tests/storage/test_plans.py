"""PostgreSQL answers the main reads from an index, the last page as well as the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from sqlalchemy import Connection, event, literal, select, text

from flowledger.domain.errors import Reason, Refused
from flowledger.domain.kinds.sandboxes import SandboxStatus
from flowledger.domain.kinds.workspaces import WorkspaceStatus
from flowledger.domain.statuses import Status
from flowledger.storage import tables
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.kinds.executions import ExecutionLogRepository, ExecutionRepository
from flowledger.storage.kinds.logs import TaskLogRepository
from flowledger.storage.kinds.messages import DeliveryRepository, MessageRepository
from flowledger.storage.kinds.sandboxes import SandboxRepository
from flowledger.storage.kinds.tasks import TaskRepository
from flowledger.storage.kinds.workspaces import WorkspaceRepository
from flowledger.storage.ledger.dead_letter_actions import DeadLetterActionRepository
from flowledger.storage.ledger.dead_letters import DeadLetterRepository
from flowledger.storage.ledger.journal import JournalRepository
from flowledger.storage.ledger.outbox import OutboxRepository
from flowledger.storage.merge.conditions import Condition, binds, clause, standing_for
from flowledger.storage.unit_of_work import Storage
from tests.conftest import PostgresqlServer, settings_for

ROWS: Final = 20_000

_MOMENT: Final = "timestamptz '2026-01-01' + n * interval '1 second'"
_FILL: Final = (
    "INSERT INTO executions (id, workflow_id, created_at, created_at_key)"
    f" SELECT 'e' || n, 'w' || n % 20, {_MOMENT}, n FROM generate_series(1, :rows) n",
    "INSERT INTO tasks (id, execution_id, created_at, created_at_key)"
    f" SELECT 't' || n, 'e' || n % 20, {_MOMENT}, n FROM generate_series(1, :rows) n",
    "INSERT INTO execution_logs (execution_id, node, iteration, attempt)"
    " SELECT 'e' || n % 200 + 1, 'n' || n % 7, n, 1 FROM generate_series(1, :rows) n",
    "INSERT INTO task_logs (source, event_id, task_id, level, message, time, order_key)"
    f" SELECT 's', 't' || n, 't' || n % 20 + 1, 'info', 'm', {_MOMENT}, n FROM generate_series(1, :rows) n",
    "INSERT INTO task_logs (source, event_id, execution_id, level, message, time, order_key)"
    f" SELECT 's', 'e' || n, 'e' || n % 20 + 1, 'info', 'm', {_MOMENT}, n FROM generate_series(1, :rows) n",
    "INSERT INTO messages (id, from_sandbox_id, workspace_id, thread_id, created_at, created_at_key)"
    f" SELECT 'm' || n, 's' || n % 50, 'w' || n % 20, 'th' || n % 50, {_MOMENT}, n FROM generate_series(1, :rows) n",
    "INSERT INTO message_deliveries (message_id, to_sandbox_id)"
    " SELECT 'm' || n, 's' || n % 50 FROM generate_series(1, :rows) n",
    "INSERT INTO outbox (message_id, to_sandbox_id, source, event_id, expires_at)"
    f" SELECT 'm' || n, 's' || n % 50, 's', n, CASE WHEN n % 9 = 0 THEN {_MOMENT} END FROM generate_series(1, :rows) n",
    "INSERT INTO workspaces (id, user_id, status, created_at, created_at_key)"
    " SELECT 'w' || n, 'u' || n % 20, (CASE WHEN n < 200 THEN 'archived' ELSE 'active' END),"
    f" {_MOMENT}, n FROM generate_series(1, :rows) n",
    "INSERT INTO sandboxes (id, workspace_id, status, created_at, created_at_key, description_key)"
    " SELECT 's' || n, 'w' || n % 20, (CASE WHEN n < 200 THEN 'error' ELSE 'stopped' END),"
    f" {_MOMENT}, n, '100s' || chr(1) || n FROM generate_series(1, :rows) n",
    "INSERT INTO dead_letters (id, stream, entry_id, raw, reason, detail, first_seen)"
    f" SELECT 'dead_d' || n, 's', n, '', 'not_json', '', {_MOMENT} FROM generate_series(1, :rows) n",
    "INSERT INTO dead_letter_actions (id, dead_letter_id, at, who, action, stream, entry_id)"
    f" SELECT 'act' || n, 'dead_d' || n, {_MOMENT}, 'w', 'replayed', 's', n FROM generate_series(1, :rows) n",
    "INSERT INTO events (source, id, type, subject, partition, raw, recorded_at)"
    f" SELECT 's', n, 'task.queued', 't', 0, '{{}}', {_MOMENT} FROM generate_series(1, :rows) n",
)

_EARLY: Final = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)


def _no(_found: str | None) -> Refused:
    return Refused(Reason.CONFLICT, "subject", "")


READS: Final[dict[str, Callable[[Connection], Any]]] = {
    "an execution": lambda c: ExecutionRepository(c).get("e7"),
    "executions": lambda c: ExecutionRepository(c).newest(),
    "executions of a workflow": lambda c: ExecutionRepository(c).newest(workflow_id="w7"),
    "executions in a status": lambda c: ExecutionRepository(c).newest(status=Status.PENDING),
    "node runs": lambda c: ExecutionLogRepository(c).of_execution("e7"),
    "runs of a node": lambda c: ExecutionLogRepository(c).of_node("e7", "n1"),
    "a task": lambda c: TaskRepository(c).get("t7"),
    "tasks": lambda c: TaskRepository(c).newest(),
    "tasks in a status": lambda c: TaskRepository(c).newest(status=Status.PENDING),
    "tasks of an execution": lambda c: TaskRepository(c).of_execution("e7"),
    "log of a task": lambda c: TaskLogRepository(c).of_task("t7"),
    "log of an execution": lambda c: TaskLogRepository(c).of_execution("e7"),
    "a message": lambda c: MessageRepository(c).get("m7"),
    "messages of a workspace": lambda c: MessageRepository(c).of_workspace("w7"),
    "messages of a thread": lambda c: MessageRepository(c).of_thread("th7"),
    "deliveries": lambda c: DeliveryRepository(c).of_message("m7"),
    "since when anything waits": lambda c: OutboxRepository(c).since(),
    "what waits for some sandboxes": lambda c: OutboxRepository(c).first(["s7", "s8"], 0, 10),
    "the next sandbox for which anything waits": lambda c: OutboxRepository(c).recipients("s7", 1),
    "for whom a message waits": lambda c: OutboxRepository(c).recipients_of(["m7"], 10),
    "what waits and has expired": lambda c: OutboxRepository(c).expired(_EARLY, None, 10),
    "a workspace": lambda c: WorkspaceRepository(c).get("w7"),
    "workspaces": lambda c: WorkspaceRepository(c).newest(),
    "workspaces in a status that few have": lambda c: WorkspaceRepository(c).newest(status=WorkspaceStatus.ARCHIVED),
    "workspaces of a user": lambda c: WorkspaceRepository(c).newest(user_id="u7"),
    "a sandbox": lambda c: SandboxRepository(c).get("s7"),
    "sandboxes": lambda c: SandboxRepository(c).newest(),
    "sandboxes in a status that few have": lambda c: SandboxRepository(c).newest(status=SandboxStatus.ERROR),
    "members of all workspaces": lambda c: SandboxRepository(c).memberships(None, None, 10),
    "members of a workspace": lambda c: SandboxRepository(c).memberships("w7", None, 10),
    "what stands against a message": lambda c: standing_for(
        c, [Condition("messages", "m7", "from_sandbox_id", "s", False, _no)]
    ),
    "sandboxes of a workspace": lambda c: SandboxRepository(c).of_workspace("w7"),
    "a dead letter": lambda c: DeadLetterRepository(c).get("dead_d7"),
    "a dead letter by the beginning of its id": lambda c: DeadLetterRepository(c).full_id("dead_d777"),
    "open dead letters": lambda c: DeadLetterRepository(c).oldest(),
    "listed dead letters": lambda c: DeadLetterRepository(c).listed(),
    "what was done with a dead letter": lambda c: DeadLetterActionRepository(c).of_dead_letter("dead_d7"),
    "the replay that made an entry": lambda c: DeadLetterActionRepository(c).that_sent("s", "7"),
    "an event": lambda c: JournalRepository(c).get("s", "7"),
}


@pytest.fixture(scope="module")
def filled(postgresql_server: PostgresqlServer) -> Iterator[Storage]:
    """A database with many rows of everything, of which the planner knows."""
    with postgresql_server.database() as url, Storage(make_engine(settings_for(url))) as storage:
        with storage.engine.begin() as connection:
            for statement in _FILL:
                connection.execute(text(statement), {"rows": ROWS})
        with storage.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))
        yield storage


def plan(connection: Connection, read: Callable[[Connection], Any]) -> dict[str, Any]:
    """How PostgreSQL ran the read."""
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    read(connection)
    event.remove(connection, "before_cursor_execute", note)
    ((statement, parameters),) = asked
    explained = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters).scalar_one()
    found: dict[str, Any] = explained[0]["Plan"]
    return found


def nodes(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All steps of a plan."""
    yield found
    for inner in found.get("Plans", ()):
        yield from nodes(inner)


def looked_at(found: dict[str, Any]) -> int:
    """How many rows were read and thrown away, or read to be sorted: what an index should have spared."""
    removed = sum(
        node.get("Rows Removed by Filter", 0) * node["Actual Loops"] + node.get("Rows Removed by Join Filter", 0)
        for node in nodes(found)
    )
    read = sum(node["Actual Rows"] * node["Actual Loops"] for node in nodes(found) if "Scan" in node["Node Type"])
    return int(removed + read)


@pytest.mark.parametrize("name", READS)
def test_a_read_looks_at_no_whole_table(filled: Storage, name: str) -> None:
    with filled.reading() as connection:
        found = plan(connection, READS[name])
    assert [node["Relation Name"] for node in nodes(found) if node["Node Type"] == "Seq Scan"] == []


@pytest.mark.parametrize("name", READS)
def test_a_first_page_looks_at_few_rows_beyond_its_own(filled: Storage, name: str) -> None:
    with filled.reading() as connection:
        assert looked_at(plan(connection, READS[name])) < ROWS / 20


def test_the_messages_of_a_sandbox_are_found_by_sender_and_by_recipient(filled: Storage) -> None:
    """Which way is cheapest depends on how many there are; both indexes can be used."""
    with filled.reading() as connection:
        connection.execute(text("SET LOCAL enable_seqscan TO off"))
        found = plan(connection, lambda c: MessageRepository(c).of_sandbox("s7"))
    used = {node.get("Index Name") for node in nodes(found)}
    assert {"ix_messages_from_sandbox_id", "ix_message_deliveries_to_sandbox_id"} <= used


def test_the_ids_of_the_sandboxes_of_a_workspace_are_in_the_index_alone(filled: Storage) -> None:
    """A message to all of a workspace asks for them, within the transaction that records it; so no row is fetched
    where PostgreSQL knows that all may see it."""
    sandboxes = tables.sandboxes
    ids = select(sandboxes.c.id).where(sandboxes.c.workspace_id == "w7")
    with filled.reading() as connection:
        connection.execute(text("SET LOCAL enable_seqscan TO off; SET LOCAL enable_bitmapscan TO off"))
        found = plan(connection, lambda c: c.execute(ids))
    assert [(node["Node Type"], node.get("Index Name")) for node in nodes(found)] == [
        ("Index Only Scan", "ix_sandboxes_workspace_id")
    ]


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize(("table", "column"), [("messages", "from_sandbox_id"), ("sandboxes", "workspace_id")])
def test_a_condition_is_asked_of_the_row_s_own_key(filled: Storage, table: str, column: str, required: bool) -> None:
    asked = select(literal(1)).where(clause((table, column, required), ""))
    with filled.reading() as connection:
        found = plan(connection, lambda c: c.execute(asked, dict(zip(binds(""), ("m7", "x"), strict=True))))
    assert {node.get("Index Name") for node in nodes(found)} - {None} == {f"pk_{table}"}


@pytest.mark.parametrize("part", [0.5, 0.9])
@pytest.mark.parametrize(
    ("walk", "rows"),
    [
        (lambda c: ExecutionRepository(c).newest, ROWS),
        (lambda c: DeadLetterRepository(c).oldest, ROWS),
        (lambda c: lambda **paging: MessageRepository(c).of_workspace("w7", **paging), ROWS // 20),
        (lambda c: lambda **paging: TaskRepository(c).of_execution("e7", **paging), ROWS // 20),
        (lambda c: SandboxRepository(c).newest, ROWS),
        (lambda c: lambda **paging: SandboxRepository(c).of_workspace("w7", **paging), ROWS // 20),
        (lambda c: lambda **paging: WorkspaceRepository(c).newest(user_id="u7", **paging), ROWS // 20),
    ],
    ids=[
        "executions",
        "dead letters",
        "messages of a workspace",
        "tasks of an execution",
        "sandboxes",
        "sandboxes of a workspace",
        "workspaces of a user",
    ],
)
def test_a_later_page_by_cursor_looks_at_no_more_than_the_first(
    filled: Storage, walk: Callable[[Connection], Callable[..., Any]], rows: int, part: float
) -> None:
    """Of a table in order of time, PostgreSQL may rather read on than jump: 20 rows for each one it keeps."""
    with filled.reading() as connection:
        ask = walk(connection)
        cursor = ask(limit=1, offset=int(rows * part)).cursor
        assert cursor is not None
        assert looked_at(plan(connection, lambda _: ask(after=cursor, limit=10))) < 300
