"""The roles of PostgreSQL that the documents tell an operator to make: what each may, tried on the server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import ProgrammingError

from flowledger.domain.vault_keys import VaultKeyFile
from flowledger.services.users import Users
from flowledger.services.vault import Credentials, Vault, rotate
from flowledger.services.webhooks import WebhookReceiver
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.retention.weeks import Gone, let_go
from flowledger.storage.tables import metadata
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.verify import verify
from tests.builders import event, raw
from tests.conftest import settings_for
from tests.documented import block, grants_of
from tests.services.conftest import Clock, CountingHasher
from tests.services.signing_in import EMAIL, PASSWORD
from tests.services.webhooks.calling import BODY, SECRET, WEBHOOK, headers, set_up
from tests.storage import recording
from tests.storage.test_audit import worker_url
from tests.storage.test_weeks import MONDAY, WEEK, at

__all__ = ["worker_url"]

TABLES = ("secrets", "credentials", "passwords", "sessions", "sign_in_tries")


@contextmanager
def as_role(url: str, grants: str, role: str) -> Iterator[Storage]:
    """The database for a new role with these rights."""
    name = f"{role}_{make_url(url).database}"[:60]
    engine = make_engine(settings_for(url))
    with engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE {name} LOGIN"))
        connection.exec_driver_sql(grants.replace(role, name))
    with Storage(make_engine(settings_for(make_url(url).set(username=name).render_as_string(False)))) as storage:
        yield storage
    with engine.begin() as connection:
        connection.execute(text(f"DROP OWNED BY {name}"))
        connection.execute(text(f"DROP ROLE {name}"))
    engine.dispose()


def is_refused(engine: Engine, statement: str) -> bool:
    with engine.connect() as connection:
        try:
            connection.execute(text(statement))
        except ProgrammingError as error:
            return getattr(error.orig, "pgcode", None) == "42501"  # insufficient_privilege
    return False


def test_the_documented_role_may_do_all_acts_and_no_more(
    postgresql_url: str, postgresql_storage: Storage, keys: VaultKeyFile, clock: Clock
) -> None:
    recording.record(postgresql_storage, event("user.created", subject="usr_1", email=EMAIL))
    grants = block("docs/contract/users.md", "sql", "flowledger_accounts")
    with as_role(postgresql_url, grants, "flowledger_accounts") as storage:
        vault, credentials = Vault(storage, keys), Credentials(storage, keys)
        users = Users(storage, hasher=CountingHasher(), clock=clock)
        vault.set("A", "value", by="tests")
        id_ = credentials.add("usr_1", "github", "work", "value", by="tests")
        credentials.get(id_, by="tests")
        rotate(storage, keys, by="tests")
        credentials.delete(id_, by="tests")
        vault.delete("A", by="tests")
        users.set_password("usr_1", PASSWORD, by="tests")
        users.sign_out(users.sign_in(EMAIL, PASSWORD, address="192.0.2.1").session)
        clock.go(days=60)
        users.sign_in(EMAIL, PASSWORD)
        users.remove_password("usr_1", by="tests")
        for statement in (
            "UPDATE audit_logs SET success = true",
            "DELETE FROM events",
            "UPDATE users SET role = 'admin'",
        ):
            assert is_refused(storage.engine, statement)
    assert verify(postgresql_storage).differences == 0


def test_the_documented_role_receives_webhooks(
    postgresql_url: str, postgresql_storage: Storage, keys: VaultKeyFile, redis_url: str
) -> None:
    set_up(postgresql_storage)
    Vault(postgresql_storage, keys).set("current", SECRET, by="tests")
    grants = block("docs/contract/webhooks.md", "sql", "flowledger_webhooks")
    with (
        as_role(postgresql_url, grants, "flowledger_webhooks") as storage,
        WebhookReceiver(settings_for(redis_url=redis_url), storage, Vault(storage, keys)) as receiver,
    ):
        assert not receiver.receive(WEBHOOK, headers(), BODY).repeated
        assert receiver.receive(WEBHOOK, headers(), BODY).repeated
        assert is_refused(storage.engine, "DELETE FROM secrets")


@pytest.mark.parametrize("table", TABLES)
def test_a_worker_can_neither_read_nor_write_what_is_secret(worker_url: str, table: str) -> None:
    engine = make_engine(settings_for(worker_url))
    for statement in (f"SELECT count(*) FROM {table}", f"DELETE FROM {table}", f"INSERT INTO {table} DEFAULT VALUES"):
        assert is_refused(engine, statement)
    engine.dispose()


def test_who_maintains_lets_weeks_go_and_deletes_but_no_audit_lines(
    postgresql_url: str, postgresql_storage: Storage
) -> None:
    grants = grants_of("flowledger_maintainer")
    with as_role(postgresql_url, grants, "flowledger_maintainer") as storage:
        lines = (raw("task.logged", subject=one) for one in ("task_1", "task_2"))
        at(postgresql_storage, MONDAY, *lines)
        recording.by_hand(storage, text("INSERT INTO held VALUES ('task_1')"))
        logs = metadata.tables["task_logs"]
        assert let_go(storage, logs, MONDAY + WEEK, most=1) == Gone(1, 1, 1)
        for statement in (
            "DELETE FROM task_logs",
            "DELETE FROM tasks",
            "DELETE FROM sessions WHERE expires_at < now()",
        ):
            recording.by_hand(storage, text(statement))
        for statement in (
            "DELETE FROM audit_logs",
            "SELECT * FROM secrets",
            "UPDATE events SET type = 'x'",
            "UPDATE erasures SET why = ''",
        ):
            assert is_refused(storage.engine, statement)


def test_a_worker_lets_no_week_go(worker_url: str) -> None:
    engine = make_engine(settings_for(worker_url))
    assert is_refused(engine, "SELECT ledger_let_go('task_logs', '2026-01-05+00')")
    engine.dispose()
