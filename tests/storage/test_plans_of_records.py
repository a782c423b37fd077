"""PostgreSQL answers the reads of collaborations, knowledge, metrics and the audit log from an index, in pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from sqlalchemy import Connection, text

from flowledger.storage.engines.engine import make_engine
from flowledger.storage.kinds.audit import AuditLogRepository
from flowledger.storage.kinds.collaborations import CollaborationRepository
from flowledger.storage.kinds.knowledge import KnowledgeRepository
from flowledger.storage.kinds.metrics import MetricDayRepository, MetricHourRepository, MetricRepository
from flowledger.storage.unit_of_work import Storage
from tests.conftest import PostgresqlServer, settings_for
from tests.storage.test_plans import ROWS, looked_at, nodes, plan

_MOMENT: Final = "timestamptz '2026-01-01' + n * interval '1 second'"
_HOUR: Final = "timestamptz '2026-01-01' + n * interval '1 hour'"
_FILL: Final = (
    "INSERT INTO collaborations (id, name, workspace_id, user_id, coordinator_id, member_ids, created_at, updated_at)"
    " SELECT 'c' || n, 'n' || n % 99, 'w' || n % 200, 'u' || n % 200, 'a' || n % 200,"
    f" jsonb_build_array('a' || n % 300, 's' || n % 7), {_MOMENT}, {_MOMENT} FROM generate_series(1, :rows) n",
    "INSERT INTO knowledge (id, kind, agent_id, workspace_id, user_id, tags, created_at, updated_at)"
    " SELECT 'k' || n, 'k' || n % 200, 'a' || n % 200, 'w' || n % 200, 'u' || n % 200,"
    f" jsonb_build_array('t' || n % 300), {_MOMENT}, {_MOMENT} FROM generate_series(1, :rows) n",
    "INSERT INTO metrics (source, event_id, subject, name, value, workspace_id, time)"
    f" SELECT 's', n, 'h' || n % 200, 'n' || n % 200 % 3, n, 'w' || n % 200, {_MOMENT}"
    " FROM generate_series(1, :rows) n",
    *(
        f"INSERT INTO {table} (subject, name, unit, kind, start, count, sum, min, max)"
        f" SELECT 'h' || n % 200, 'n' || n % 200 % 3, 'ms', '', {_HOUR}, 1, n, n, n FROM generate_series(1, :rows) n"
        for table in ("metric_hours", "metric_days")
    ),
    "INSERT INTO audit_logs (source, event_id, resource_id, action, user_id, success, time)"
    f" SELECT 's', n, 'r' || n % 200, 'a', 'u' || n % 200, true, {_MOMENT} FROM generate_series(1, :rows) n",
)

_EARLY, _LATE = (datetime(2026, 1, 1, hour, tzinfo=UTC) for hour in (1, 4))

READS: Final[dict[str, Callable[[Connection], Any]]] = {
    "a collaboration": lambda c: CollaborationRepository(c).get("c7"),
    "collaborations": lambda c: CollaborationRepository(c).newest(),
    "collaborations of a workspace": lambda c: CollaborationRepository(c).newest(workspace_id="w7"),
    "collaborations of a member": lambda c: CollaborationRepository(c).of_member("a7"),
    "a collaboration by its name": lambda c: CollaborationRepository(c).by_name("n7"),
    "knowledge": lambda c: KnowledgeRepository(c).newest(),
    "knowledge of an agent": lambda c: KnowledgeRepository(c).of_agent("a7"),
    "knowledge with a tag": lambda c: KnowledgeRepository(c).with_tag("t7"),
    "metrics": lambda c: MetricRepository(c).newest(),
    "metrics of a workspace": lambda c: MetricRepository(c).newest(workspace_id="w7"),
    "metrics between two times": lambda c: MetricRepository(c).newest(since=_EARLY, until=_LATE),
    "a series": lambda c: MetricRepository(c).series("h7", "n1"),
    "a series between two times": lambda c: MetricRepository(c).series("h7", "n1", since=_EARLY, until=_LATE),
    "sums by hour": lambda c: MetricHourRepository(c).series("h7", "n1"),
    "sums by hour between two times": lambda c: MetricHourRepository(c).series("h7", "n1", since=_EARLY, until=_LATE),
    "sums by day": lambda c: MetricDayRepository(c).series("h7", "n1", since=_EARLY),
    "an audit line": lambda c: AuditLogRepository(c).get("s", "7"),
    "audit": lambda c: AuditLogRepository(c).newest(),
    "audit between two times": lambda c: AuditLogRepository(c).newest(since=_EARLY, until=_LATE),
    "audit of a user": lambda c: AuditLogRepository(c).newest(user_id="u7", since=_EARLY),
    "audit of a resource": lambda c: AuditLogRepository(c).newest(resource_id="r7"),
}


@pytest.fixture(scope="module")
def filled(postgresql_server: PostgresqlServer) -> Iterator[Storage]:
    """A database with many rows of these kinds, of which the planner knows."""
    with postgresql_server.database() as url, Storage(make_engine(settings_for(url))) as storage:
        with storage.engine.begin() as connection:
            for statement in _FILL:
                connection.execute(text(statement), {"rows": ROWS})
        with storage.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
        yield storage


@pytest.mark.parametrize("name", READS)
def test_a_read_goes_by_an_index(filled: Storage, name: str) -> None:
    with filled.reading() as connection:
        found = plan(connection, READS[name])
    assert [node["Relation Name"] for node in nodes(found) if node["Node Type"] == "Seq Scan"] == []
    assert looked_at(found) < ROWS / 20


@pytest.mark.parametrize(
    "walk",
    [
        lambda c: CollaborationRepository(c).newest,
        lambda c: lambda **paging: KnowledgeRepository(c).of_agent("a7", **paging),
        lambda c: lambda **paging: MetricRepository(c).series("h7", "n1", **paging),
        lambda c: lambda **paging: MetricHourRepository(c).series("h7", "n1", **paging),
        lambda c: lambda **paging: AuditLogRepository(c).newest(user_id="u7", **paging),
        lambda c: AuditLogRepository(c).newest,
    ],
    ids=["collaborations", "knowledge of an agent", "a series", "sums", "audit of a user", "audit"],
)
def test_a_later_page_by_cursor_looks_at_no_more_than_the_first(
    filled: Storage, walk: Callable[[Connection], Callable[..., Any]]
) -> None:
    with filled.reading() as connection:
        ask = walk(connection)
        cursor = ask(limit=1, offset=50).cursor
        assert cursor is not None
        assert looked_at(plan(connection, lambda _: ask(after=cursor, limit=10))) < 300
