"""Every look-up goes by an index, on both databases, the last page as well as the first (tests/plans)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from sqlalchemy import Connection, literal, select, text

from flowledger.storage import kinds, tables
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.kinds.audit import AuditLogRepository
from flowledger.storage.kinds.collaborations import CollaborationRepository
from flowledger.storage.kinds.executions import ExecutionRepository
from flowledger.storage.kinds.knowledge import KnowledgeRepository
from flowledger.storage.kinds.messages import MessageRepository
from flowledger.storage.kinds.metrics import MetricHourRepository, MetricRepository
from flowledger.storage.kinds.sandboxes import SandboxRepository
from flowledger.storage.kinds.tasks import TaskRepository
from flowledger.storage.kinds.workspaces import WorkspaceRepository
from flowledger.storage.ledger.dead_letters import DeadLetterRepository
from flowledger.storage.merge.conditions import Relation, binds, clause
from flowledger.storage.repository import Repository
from flowledger.storage.unit_of_work import Storage
from tests.conftest import settings_for
from tests.plans.__main__ import PAGE
from tests.plans.catalogue import LOOK_UPS, OF_SERVICES, OF_THE_LEDGER, REPOSITORIES
from tests.plans.explained import indexes, looked_at, nodes, plan, plans, query_plan, scanned
from tests.plans.filled import fill
from tests.postgresql import PostgresqlServer

ROWS: Final = 20_000

_OF_TWO_TABLES: Final = {
    "MessageRepository": ("of_sandbox", "exchanged", "count_exchanged"),
    "ExecutionRepository": ("failed", "count_failed"),
    "TaskRepository": ("failed", "count_failed"),
}
JOINS: Final = frozenset(f"{name}.{method}" for name, methods in _OF_TWO_TABLES.items() for method in methods)
"""Look-ups over two tables: which way is cheapest depends on how many rows there are; each can go by indexes alone."""


@pytest.fixture(scope="module")
def filled(postgresql_server: PostgresqlServer) -> Iterator[Storage]:
    """A database with many rows of everything, of which the planner knows."""
    with postgresql_server.database() as url, Storage(make_engine(settings_for(url))) as storage:
        with storage.engine.begin() as connection:
            fill(connection, ROWS)
        with storage.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
        yield storage


def test_every_public_method_of_a_repository_is_in_the_catalogue() -> None:
    of_services = {one.repository for one in OF_SERVICES}
    there = {(one.repository, one.method) for one in LOOK_UPS if one.repository not in of_services}
    wanted = {
        (repository.__name__, name)
        for repository in REPOSITORIES
        for name, method in inspect.getmembers(repository, inspect.isfunction)
        if not name.startswith("_") and not (name == "by_name" and not getattr(repository, "has_names", False))
    }
    assert len(wanted) > 100
    assert wanted == there


def test_every_look_up_has_a_row_in_the_page() -> None:
    """`make plans` writes it."""
    text = PAGE.read_text()
    sections = {part.partition("\n")[0]: part for part in text.split("\n## ")[1:]}
    assert [one.name for one in LOOK_UPS if f"| `{one.said}` |" not in sections.get(one.repository, "")] == []


def test_every_repository_of_a_kind_is_in_the_catalogue() -> None:
    assert {one for one in _all(Repository) if hasattr(one, "table") and one.__module__.startswith(kinds.__name__)} == {
        *REPOSITORIES
    }


def test_a_look_up_reads_no_whole_table_and_few_rows_beyond_its_own(filled: Storage) -> None:
    whole: dict[str, list[str]] = {}
    many: dict[str, int] = {}
    for one in (*LOOK_UPS, *OF_THE_LEDGER):
        if one.reads_all:
            continue
        joins = f"{one.repository}.{one.method}" in JOINS
        with filled.reading() as connection:
            if joins:
                connection.execute(text("SET LOCAL enable_seqscan TO off"))
            found = plans(connection, one.read)
        rows = 0 if one.method.startswith("count") else sum(map(looked_at, found))
        if scans := [table for each in found for table in scanned(each)]:
            whole[one.name] = scans
        if rows >= ROWS / (10 if joins else 20):
            many[one.name] = rows
    assert whole == {}
    assert many == {}


def test_sqlite_reads_no_whole_table_either(sqlite_url: str) -> None:
    with Storage(make_engine(settings_for(sqlite_url))) as storage, storage.reading() as connection:
        steps = {one.name: query_plan(connection, one.read) for one in LOOK_UPS if not one.reads_all}
    assert {name: found for name, found in steps.items() if any(map(_reads_whole, found))} == {}


def test_the_messages_of_a_sandbox_are_found_by_sender_and_by_recipient(filled: Storage) -> None:
    with filled.reading() as connection:
        connection.execute(text("SET LOCAL enable_seqscan TO off"))
        found = plan(connection, lambda c: MessageRepository(c).of_sandbox("i7"))
    assert {"ix_messages_from_sandbox_id", "ix_message_deliveries_to_sandbox_id"} <= {*indexes(found)}


def test_the_ids_of_the_sandboxes_of_a_workspace_are_in_the_index_alone(filled: Storage) -> None:
    """A message to all of a workspace asks for them, within the transaction that records it; so no row is fetched
    where PostgreSQL knows that all may see it."""
    sandboxes = tables.sandboxes
    ids = select(sandboxes.c.id).where(sandboxes.c.workspace_id == "i7")
    with filled.reading() as connection:
        connection.execute(text("SET LOCAL enable_seqscan TO off; SET LOCAL enable_bitmapscan TO off"))
        found = plan(connection, lambda c: c.execute(ids))
    assert [(node["Node Type"], node.get("Index Name")) for node in nodes(found)] == [
        ("Index Only Scan", "ix_sandboxes_workspace_id")
    ]


@pytest.mark.parametrize(("relation", "table", "column", "value"), [
    (Relation.IS_IF_ANY, "messages", "from_sandbox_id", "x"),
    (Relation.IS, "sandboxes", "workspace_id", "x"),
    (Relation.UNTIL_IF_ANY, "horizons", "horizon", datetime(2026, 1, 31, tzinfo=UTC)),
])  # fmt: skip
def test_a_condition_is_asked_of_the_row_s_own_key(
    filled: Storage, relation: Relation, table: str, column: str, value: Any
) -> None:
    asked = select(literal(1)).where(clause((table, column, relation), ""))
    with filled.reading() as connection:
        connection.execute(text("SET LOCAL enable_seqscan TO off"))
        found = plan(connection, lambda c: c.execute(asked, dict(zip(binds(""), ("i7", value), strict=True))))
    assert indexes(found) == [f"pk_{table}"]


WALKS: Final[dict[str, tuple[Callable[[Connection], Callable[..., Any]], int]]] = {
    "executions": (lambda c: ExecutionRepository(c).newest, ROWS),
    "dead letters": (lambda c: DeadLetterRepository(c).oldest, ROWS),
    "messages of a workspace": (lambda c: lambda **paging: MessageRepository(c).of_workspace("i7", **paging), 100),
    "tasks of an execution": (lambda c: lambda **paging: TaskRepository(c).of_execution("i7", **paging), 100),
    "tasks of an agent": (lambda c: lambda **paging: TaskRepository(c).oldest(agent_id="i7", **paging), 100),
    "tasks that failed": (lambda c: TaskRepository(c).failed, ROWS // 20),
    "sandboxes": (lambda c: SandboxRepository(c).newest, ROWS),
    "sandboxes of a workspace": (lambda c: lambda **paging: SandboxRepository(c).of_workspace("i7", **paging), 100),
    "workspaces of a user": (lambda c: lambda **paging: WorkspaceRepository(c).newest(user_id="i7", **paging), 100),
    "collaborations": (lambda c: CollaborationRepository(c).newest, ROWS),
    "knowledge of an agent": (lambda c: lambda **paging: KnowledgeRepository(c).of_agent("i7", **paging), 100),
    "a series": (lambda c: lambda **paging: MetricRepository(c).series("i7", "n6", **paging), 100),
    "sums": (lambda c: lambda **paging: MetricHourRepository(c).series("i7", "n6", **paging), 100),
    "audit of a user": (lambda c: lambda **paging: AuditLogRepository(c).newest(user_id="i7", **paging), 100),
    "audit": (lambda c: AuditLogRepository(c).newest, ROWS),
}


@pytest.mark.parametrize("part", [0.5, 0.9])
@pytest.mark.parametrize("name", WALKS)
def test_a_later_page_by_cursor_looks_at_no_more_than_the_first(filled: Storage, name: str, part: float) -> None:
    """Of a table in order of time, PostgreSQL may rather read on than jump: 20 rows for each one it keeps."""
    walk, rows = WALKS[name]
    with filled.reading() as connection:
        ask = walk(connection)
        cursor = ask(limit=1, offset=int(rows * part)).cursor
        assert cursor is not None
        assert sum(map(looked_at, plans(connection, lambda _: ask(after=cursor, limit=10)))) < 300


def _all(repository: type[Any]) -> Iterator[type[Any]]:
    for one in repository.__subclasses__():
        yield one
        yield from _all(one)


def _reads_whole(step: str) -> bool:
    """`SCAN tasks` does; not the scan of an index in the order of a list, nor that of the values of a parameter."""
    return step.startswith("SCAN ") and "INDEX" not in step and step.split()[1] in tables.metadata.tables
