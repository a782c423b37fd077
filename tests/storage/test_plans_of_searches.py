"""PostgreSQL and SQLite answer searches from an index."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
from sqlalchemy import text

from flowledger.storage.engines.engine import make_engine
from flowledger.storage.kinds.agents import AgentRepository
from flowledger.storage.kinds.custom_nodes import CustomNodeRepository
from flowledger.storage.kinds.knowledge import KnowledgeRepository
from flowledger.storage.kinds.users import UserRepository
from flowledger.storage.kinds.workflows import WorkflowRepository
from flowledger.storage.search import SearchedRepository
from flowledger.storage.unit_of_work import Storage
from tests.conftest import settings_for
from tests.plans.explained import looked_at, nodes, plan
from tests.postgresql import PostgresqlServer
from tests.storage.recording import record
from tests.storage.test_plans import ROWS
from tests.storage.test_search import know

SEARCHES: Final[dict[type[SearchedRepository[Any]], tuple[str, ...]]] = {
    KnowledgeRepository: ("title", "content"),
    UserRepository: ("email", "full_name"),
    AgentRepository: ("name",),
    WorkflowRepository: ("name",),
    CustomNodeRepository: ("name", "category", "description"),
}


@pytest.fixture(scope="module")
def filled(postgresql_server: PostgresqlServer) -> Iterator[Storage]:
    """A database with many rows that have words, of which the planner knows."""
    moment = "timestamptz '2026-01-01' + n * interval '1 second'"
    with postgresql_server.database() as url, Storage(make_engine(settings_for(url))) as storage:
        with storage.engine.begin() as connection:
            for repository, fields in SEARCHES.items():
                names = ", ".join(f"{field}_words" for field in fields)
                words = ", ".join(f"('f{place} w' || n % 2000 || ' all')::tsvector" for place, _ in enumerate(fields))
                connection.execute(
                    text(
                        f"INSERT INTO {repository.table.name} (id, created_at, updated_at, description_key, {names})"
                        f" SELECT 'x' || n, {moment}, {moment}, repeat('as wide as a real row ', 25), {words}"
                        " FROM generate_series(1, :rows) n"
                    ),
                    {"rows": ROWS},
                )
        with storage.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))
        yield storage


@pytest.mark.parametrize("search", ["w77", "w77 all", "w777*", "nowhere"])
@pytest.mark.parametrize("repository", SEARCHES, ids=lambda one: str(one.table.name))
def test_words_are_found_in_their_index(
    filled: Storage, repository: type[SearchedRepository[Any]], search: str
) -> None:
    with filled.reading() as connection:
        found = plan(connection, lambda c: repository(c).search(search))
    assert f"ix_{repository.table.name}_words" in [node.get("Index Name") for node in nodes(found)]
    assert looked_at(found) < ROWS / 20


def test_a_word_of_all_records_is_found_in_the_newest_ones(filled: Storage) -> None:
    with filled.reading() as connection:
        assert looked_at(plan(connection, lambda c: KnowledgeRepository(c).search("all"))) < ROWS / 20


def test_sqlite_asks_its_index(sqlite_url: str) -> None:
    asked: list[str] = []
    with Storage(make_engine(settings_for(sqlite_url))) as storage:
        record(storage, know("k1", 1, title="word"))
        with storage.reading() as connection:
            driver: Any = connection.connection.driver_connection
            driver.set_trace_callback(asked.append)
            assert [one.id for one in KnowledgeRepository(connection).search("word").items] == ["k1"]
            driver.set_trace_callback(None)
            (statement,) = [one for one in asked if one.startswith("SELECT knowledge")]
            steps = [row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}")]
    assert any("knowledge_search VIRTUAL TABLE INDEX" in step for step in steps)
    assert not any(step in ("SCAN knowledge", "SCAN knowledge_places") for step in steps)
