"""The role of PostgreSQL that the page about Flower tells an operator to make: all pages work, and it cannot write."""

from __future__ import annotations

import pytest
from sqlalchemy import make_url, text

from flowledger.storage.engines.engine import make_engine
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.conftest import settings_for
from tests.documented import block
from tests.services.test_rights import TABLES, as_role, is_refused
from tests.storage.recording import record
from tests.web.site import served
from tests.web.test_base import ADDRESSES
from tests.web.test_drain_pages import drain, keep


@pytest.fixture
def grants(postgresql_url: str) -> str:
    """The rights as they are documented; the owner of the tables is the tests' own."""
    owner = make_url(postgresql_url).username or "postgres"
    return block("docs/contract/flower.md", "sql", "flowledger_flower").replace("flowledger_owner", f'"{owner}"')


def test_the_documented_role_shows_all_pages_and_writes_nothing(
    postgresql_url: str, postgresql_storage: Storage, redis_url: str, grants: str
) -> None:
    record(postgresql_storage, raw("task.progressed", progress=2), raw("task.created"))
    keep(postgresql_storage, drain(1))
    with as_role(postgresql_url, grants, "flowledger_flower") as storage:
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


def test_tables_of_a_later_release_can_be_read(postgresql_url: str, grants: str) -> None:
    with as_role(postgresql_url, grants, "flowledger_flower") as storage:
        owner = make_engine(settings_for(postgresql_url))
        with owner.begin() as connection:
            connection.execute(text("CREATE TABLE later (a integer)"))
        assert not is_refused(storage.engine, "SELECT count(*) FROM later")
        owner.dispose()
