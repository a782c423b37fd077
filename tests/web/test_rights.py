"""Flower's role of PostgreSQL, in `deploy/postgresql`: all pages work, and it cannot write."""

from __future__ import annotations

from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.conftest import settings_for
from tests.documented import grants_of
from tests.services.test_rights import TABLES, as_role, is_refused
from tests.storage.recording import record
from tests.web.site import served
from tests.web.test_base import ADDRESSES
from tests.web.test_drain_pages import drain, keep


def test_the_documented_role_shows_all_pages_and_writes_nothing(
    postgresql_url: str, postgresql_storage: Storage, redis_url: str
) -> None:
    record(postgresql_storage, raw("task.progressed", progress=2), raw("task.created"))
    keep(postgresql_storage, drain(1))
    with as_role(postgresql_url, grants_of("flowledger_flower"), "flowledger_flower") as storage:
        url = storage.engine.url.render_as_string(hide_password=False)
        with served(settings_for(url, redis_url)) as site:
            for address in ADDRESSES:
                assert site.get(address).status in (200, 404), address
            overview = site.get("/ledger")
            assert "1 invalid_data data.progress" in overview.words
            assert "does not answer" not in overview.words
            assert "recorded" in site.get("/ledger/drains/drain-0001").words
        for table in TABLES:
            assert is_refused(storage.engine, f"SELECT count(*) FROM {table}")
        for statement in ("DELETE FROM events", "UPDATE tasks SET name = 'x'", "INSERT INTO drains DEFAULT VALUES"):
            assert is_refused(storage.engine, statement)


def test_a_role_that_lacks_a_right_is_told_so(postgresql_url: str, postgresql_storage: Storage, redis_url: str) -> None:
    assert postgresql_storage.engine.dialect.name == "postgresql"
    grants = grants_of("flowledger_flower") + ";REVOKE SELECT ON executions, tasks FROM flowledger_flower"
    with as_role(postgresql_url, grants, "flowledger_flower") as storage:
        url = storage.engine.url.render_as_string(hide_password=False)
        with served(settings_for(url, redis_url)) as site:
            page = site.get("/ledger/executions")
            assert page.status == 503
            assert "lacks a right in the database: permission denied for" in page.words
            assert "does not answer" not in page.words
