"""The audit log: a line an event, look-ups, and a log to which a worker can only add (contract, sections 3 to 5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from unittest.mock import ANY

import pytest
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from flowledger.domain.times import now
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.kinds.audit import AuditLogRepository
from flowledger.storage.schema.partitions import make_partitions
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.partitions import make_ahead
from flowledger.workers.verify import verify
from tests.builders import ABSENT, event, raw
from tests.conftest import settings_for
from tests.documented import grants_of
from tests.domain.refusing import refusal
from tests.storage.recording import count, dead_letters, record, row
from tests.storage.test_merge_rule import at, moment
from tests.workers.test_verify import STORY


def test_a_line_has_what_its_event_says(storage: Storage) -> None:
    record(
        storage,
        event(
            "audit.logged", id="1", source="/web", subject="ws_1", time=at(1), action="workspace.share", user_id="u",
            resource_type="workspace", event_type="access", details={"with": None}, ip_address="::1", success=False,
        ),
    )  # fmt: skip
    assert row(storage, "audit_logs", "/web", "1") == {
        "source": "/web", "event_id": "1", "resource_id": "ws_1", "action": "workspace.share", "user_id": "u",
        "resource_type": "workspace", "event_type": "access", "details": {"with": None}, "ip_address": "::1",
        "success": False, "time": moment(1), "recorded_at": ANY,
    }  # fmt: skip
    assert count(storage, "workspaces") == 0, "the subject makes no row"


@pytest.mark.parametrize("success", [ABSENT, None, True])
def test_what_is_logged_has_succeeded_unless_said(storage: Storage, success: Any) -> None:
    record(storage, event("audit.logged", id="1", success=success))
    assert row(storage, "audit_logs", "/tests", "1")["success"] is True


@pytest.mark.parametrize(
    ("field", "value"),
    [("action", ABSENT), ("action", " "), ("event_type", ""), ("success", "no"), ("success", 0), ("details", [])],
)
def test_what_a_field_does_not_take(field: str, value: Any) -> None:
    refused = refusal(raw("audit.logged", **{field: value}))
    assert refused is not None
    assert refused[1] == f"data.{field}"


@pytest.mark.parametrize("type_", ["audit.deleted", "audit.restored", "metric.deleted", "metric.restored"])
def test_no_event_takes_a_line_back(type_: str) -> None:
    refused = refusal(raw(type_))
    assert refused is not None
    assert refused[1] == "type"


def test_lines_are_listed_the_newest_first(storage: Storage) -> None:
    record(
        storage,
        *(
            event("audit.logged", id=f"{n}", subject=f"r{n % 2}", user_id=f"u{n % 3}" if n else ABSENT, time=at(n))
            for n in range(7)
        ),
    )
    with storage.reading() as connection:
        log = AuditLogRepository(connection)
        assert [one.event_id for one in log.newest().items] == ["6", "5", "4", "3", "2", "1", "0"]
        assert [one.event_id for one in log.newest(user_id="u0").items] == ["6", "3"]
        assert [one.event_id for one in log.newest(resource_id="r0", since=moment(2), until=moment(6)).items] == [
            "4",
            "2",
        ]
        first = log.newest(resource_id="r1", limit=2)
        assert [one.event_id for one in log.newest(resource_id="r1", limit=2, after=first.cursor).items] == ["1"]
        assert log.count(user_id="u1") == 2
        found = log.get("/tests", "0")
        assert found is not None
        assert (found.user_id, found.resource_id) == (None, "r0")
        with pytest.raises(TypeError, match="listed by user_id, resource_id, not by 'action'"):
            log.newest(action="x")


def test_lines_of_one_moment_are_told_apart_by_a_cursor(storage: Storage) -> None:
    record(storage, *(event("audit.logged", id=f"{n}", source=f"/s{n % 2}", time=at(1)) for n in range(5)))
    with storage.reading() as connection:
        log = AuditLogRepository(connection)
        found, cursor = [], None
        while True:
            page = log.newest(limit=2, after=cursor)
            found += [(one.source, one.event_id) for one in page.items]
            if (cursor := page.cursor) is None:
                break
    assert found == [("/s1", "3"), ("/s1", "1"), ("/s0", "4"), ("/s0", "2"), ("/s0", "0")]


REFUSED: Final = (
    "UPDATE audit_logs SET success = true",
    "UPDATE audit_logs SET action = 'x' WHERE event_id = 'none'",
    "INSERT INTO audit_logs SELECT * FROM audit_logs ON CONFLICT (source, event_id, recorded_at)"
    " DO UPDATE SET action = 'x'",
    "DELETE FROM audit_logs",
    "TRUNCATE audit_logs",
    "DROP TABLE audit_logs",
    "ALTER TABLE audit_logs DROP COLUMN details",
)


@pytest.fixture
def worker_url(postgresql_url: str) -> Iterator[str]:
    """The database for the role that an operator makes for workers."""
    url = make_url(postgresql_url)
    worker = f"worker_{url.database}"[:60]
    grants = grants_of("flowledger_worker").replace("flowledger_worker", worker)
    engine = make_engine(settings_for(postgresql_url))
    with engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE {worker} LOGIN"))
        connection.exec_driver_sql(grants)
    yield url.set(username=worker).render_as_string(hide_password=False)
    with engine.begin() as connection:
        connection.execute(text(f"DROP OWNED BY {worker}"))
        connection.execute(text(f"DROP ROLE {worker}"))
    engine.dispose()


def _is_refused(engine: Engine, statement: str) -> bool:
    with engine.connect() as connection:
        try:
            connection.execute(text(statement))
        except ProgrammingError as error:
            return getattr(error.orig, "pgcode", None) == "42501"  # insufficient_privilege
    return False


def test_a_workers_role_records_everything_and_can_only_add_to_the_audit_log(
    postgresql_url: str, worker_url: str
) -> None:
    with Storage(make_engine(settings_for(worker_url))) as storage:
        for _ in range(2):
            record(storage, *STORY)
        assert dead_letters(storage) == []
        assert count(storage, "audit_logs") == 1
        assert {statement: _is_refused(storage.engine, statement) for statement in REFUSED} == dict.fromkeys(
            REFUSED, True
        )
        with storage.reading() as connection:
            assert AuditLogRepository(connection).newest(resource_id="t1").items != ()
    with Storage(make_engine(settings_for(postgresql_url))) as storage:
        assert verify(storage).differences == 0


def test_a_workers_role_has_no_ddl_but_partitions_that_are_missing(postgresql_url: str, worker_url: str) -> None:
    with Storage(make_engine(settings_for(postgresql_url))) as owner, owner.writing() as connection:
        names = connection.execute(
            text("SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent::regclass::text = :of"),
            {"of": "event_texts"},
        )
        for name in names.scalars().all():
            connection.execute(text(f"DROP TABLE {name}"))
    refused = (
        "CREATE TABLE mine (a integer)",
        "CREATE TABLE event_texts_20260105 PARTITION OF event_texts FOR VALUES FROM ('2026-01-05') TO ('2026-01-12')",
        "CREATE OR REPLACE FUNCTION ledger_make_partitions(since timestamptz, weeks integer) RETURNS integer"
        " LANGUAGE sql AS 'SELECT 1'",
    )
    with Storage(make_engine(settings_for(worker_url))) as storage:
        assert {statement: _is_refused(storage.engine, statement) for statement in refused} == dict.fromkeys(
            refused, True
        )
        record(storage, *STORY)
        assert dead_letters(storage) == []
        make_ahead(storage)
        with storage.reading() as connection, pytest.raises(DBAPIError, match="1 to 60 weeks"):
            make_partitions(connection, now(), 61)
        with storage.reading() as connection:
            owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE tablename LIKE 'event_texts%'"
            assert connection.execute(text(owners)).scalars().all() == [make_url(postgresql_url).username]
