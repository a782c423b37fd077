"""A filter on the id, or on the agent, reaches the indexes through a view, on both databases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import pytest
from sqlalchemy import text

from flowledger.storage.engines.engine import make_engine
from flowledger.storage.unit_of_work import Storage
from tests.conftest import settings_for
from tests.plans.explained import looked_at, plan, scanned
from tests.postgresql import PostgresqlServer
from tests.storage.test_plans import ROWS

_MOMENT: Final = "timestamptz '2026-01-01' + n * interval '1 second'"
_FILL: Final = (
    "INSERT INTO executions (id, workflow_id, agent_id, created_at, created_at_key)"
    f" SELECT 'e' || n, 'w' || n % 200, 'a' || n % 200, {_MOMENT}, n FROM generate_series(1, :rows) n",
    "INSERT INTO tasks (id, execution_id, agent_id, created_at, created_at_key)"
    f" SELECT 't' || n, 'e' || n % 2000, 'a' || n % 200, {_MOMENT}, n FROM generate_series(1, :rows) n",
    "INSERT INTO execution_logs (execution_id, node, iteration, attempt)"
    " SELECT 'e' || n % 2000 + 1, 'n' || n % 7, n, 1 FROM generate_series(1, :rows) n",
    "INSERT INTO agents (id, name, created_at, updated_at)"
    f" SELECT 'a' || n, 'agent', {_MOMENT}, {_MOMENT} FROM generate_series(1, :rows) n",
    "INSERT INTO workflows (id, name, created_at, updated_at)"
    f" SELECT 'w' || n, 'workflow', {_MOMENT}, {_MOMENT} FROM generate_series(1, :rows) n",
    f"INSERT INTO sandboxes (id, name, created_at) SELECT 's' || n, 'box', {_MOMENT} FROM generate_series(1, :rows) n",
    "INSERT INTO messages (id, created_at, created_at_key)"
    f" SELECT 'm' || n, {_MOMENT}, n FROM generate_series(1, :rows) n",
    "INSERT INTO message_deliveries (message_id, to_sandbox_id)"
    " SELECT 'm' || n, 's' || n % 2000 FROM generate_series(1, :rows) n",
)

ASKED: Final = {
    "an execution": "SELECT * FROM execution_summary WHERE id = 'e7'",
    "some executions": "SELECT id, tasks_failed FROM execution_summary WHERE id IN ('e7', 'e8')",
    "executions of an agent": "SELECT * FROM execution_summary WHERE agent_id = 'a7'",
    "executions of a workflow": "SELECT * FROM execution_summary WHERE workflow_id = 'w7'",
    "the newest executions": "SELECT * FROM execution_summary ORDER BY created_at DESC, id DESC LIMIT 20",
    "what an agent did": "SELECT * FROM agent_activity WHERE agent_id = 'a7'",
    "the queue of a sandbox": "SELECT * FROM sandbox_queue WHERE sandbox_id = 's7'",
}
_TABLES: Final = "one|e|executions|tasks|execution_logs|agents?|workflow|sandbox|sandboxes|message|message_deliveries"
_SCAN: Final = re.compile(rf"SCAN (?:{_TABLES})\b(?!.* USING (?:COVERING )?INDEX)")


@pytest.fixture(scope="module")
def filled(postgresql_server: PostgresqlServer) -> Iterator[Storage]:
    """A database with many rows of everything that the views count, of which the planner knows."""
    with postgresql_server.database() as url, Storage(make_engine(settings_for(url))) as storage:
        with storage.engine.begin() as connection:
            for statement in _FILL:
                connection.execute(text(statement), {"rows": ROWS})
        with storage.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
        yield storage


@pytest.mark.parametrize("name", ASKED)
def test_a_view_is_answered_from_indexes(filled: Storage, name: str) -> None:
    with filled.reading() as connection:
        found = plan(connection, lambda c: c.execute(text(ASKED[name])))
    assert scanned(found) == []
    assert looked_at(found) < ROWS / 4


@pytest.mark.parametrize("name", ASKED)
def test_a_view_is_answered_from_indexes_on_sqlite(sqlite_url: str, name: str) -> None:
    with Storage(make_engine(settings_for(sqlite_url))) as storage, storage.reading() as connection:
        steps = [row.detail for row in connection.execute(text(f"EXPLAIN QUERY PLAN {ASKED[name]}"))]
    assert [step for step in steps if _SCAN.search(step)] == []
    assert any(step.startswith("SEARCH") for step in steps)
