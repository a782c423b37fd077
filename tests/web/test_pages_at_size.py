"""A small part of `make pages`: no page sends more statements for more rows, and each statement can go by an index."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
from sqlalchemy import Connection, event, text

from tests.conftest import settings_for
from tests.pages.__main__ import prepare
from tests.pages.asked import PAGES, Asked
from tests.plans.explained import Plan, nodes
from tests.postgresql import PostgresqlServer
from tests.web.site import Site, served

ROWS: Final = 2_000
TASKS: Final = 500

Statements = list[tuple[str, Any]]


@pytest.fixture(scope="module")
def filled(postgresql_server: PostgresqlServer, redis_server_url: str) -> Iterator[Site]:
    """The site of a ledger with some executions, one of which has many tasks."""
    with postgresql_server.database() as url:
        prepare(url, ROWS, TASKS)
        with served(settings_for(url, redis_server_url)) as site:
            yield site


def test_a_page_sends_few_statements_each_of_which_can_go_by_an_index(filled: Site) -> None:
    whole = {}
    for page in PAGES:
        statements = _statements(filled, page)
        assert len(statements) <= page.most, page
        with filled.ledger.reader.storage.reading() as connection:
            connection.execute(text("SET LOCAL enable_seqscan TO off"))
            scans = [scan for statement in statements for scan in _scans(connection, *statement)]
        if scans:
            whole[page.title] = scans
    assert whole == {}


def _statements(site: Site, page: Asked) -> Statements:
    """The statements that a page sends."""
    sent: Statements = []
    engine = site.ledger.reader.storage.engine

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        answer = site.get(page.path)
        assert answer.status == 200, page
        assert answer.queries == len(sent)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return sent


def _scans(connection: Connection, statement: str, parameters: Any) -> list[str]:
    """The tables that PostgreSQL can only read as a whole."""
    explained = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar_one()
    plan: Plan = explained[0]["Plan"]
    return [node["Relation Name"] for node in nodes(plan) if node["Node Type"] == "Seq Scan"]
