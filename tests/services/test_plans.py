"""PostgreSQL answers the reads of vault and sign-in from an index, in pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from sqlalchemy import Connection, text

from flowledger.storage.engines.engine import make_engine
from flowledger.storage.people.passwords import PasswordRepository
from flowledger.storage.people.sessions import SessionRepository
from flowledger.storage.unit_of_work import Storage
from flowledger.storage.vault.credentials import CREDENTIALS, CredentialRepository
from flowledger.storage.vault.secrets import SECRETS, SecretRepository
from tests.conftest import settings_for
from tests.plans.explained import looked_at, nodes, plan
from tests.postgresql import PostgresqlServer
from tests.storage.test_plans import ROWS

_MOMENT: Final = "timestamptz '2026-01-01' + n * interval '1 second'"
_SEALED: Final = f"1, decode(repeat('00', 12), 'hex'), 'x', {_MOMENT}, {_MOMENT} FROM generate_series(1, :rows) n"
_FILL: Final = (
    f"INSERT INTO secrets (name, key_version, nonce, sealed, created_at, updated_at) SELECT 'n' || n, {_SEALED}",
    "INSERT INTO credentials (id, user_id, service_type, name, key_version, nonce, sealed, created_at, updated_at)"
    f" SELECT 'c' || n, 'u' || n % 200, 's' || n % 3, 'n', {_SEALED}",
    "INSERT INTO users (id, email, created_at, updated_at)"
    f" SELECT 'u' || n, 'U' || n || '@example.org', {_MOMENT}, {_MOMENT} FROM generate_series(1, :rows) n",
    f"INSERT INTO passwords SELECT 'u' || n, 'hash', {_MOMENT} FROM generate_series(1, :rows) n",
    "INSERT INTO sessions (id, user_id, token_hash, created_at, expires_at, address)"
    f" SELECT 's' || n, 'u' || n % 2000, 't' || n, {_MOMENT}, {_MOMENT}, 'a' FROM generate_series(1, :rows) n",
)
_AT: Final = datetime(2026, 1, 1, tzinfo=UTC)

READS: Final[dict[str, Callable[[Connection], Any]]] = {
    "a secret": lambda c: SECRETS.get(c, "n7"),
    "secrets": lambda c: SecretRepository(c).by_name(),
    "secrets to rotate": lambda c: SECRETS.stale(c, 2, "n7", 100),
    "a credential": lambda c: CREDENTIALS.get(c, "c7"),
    "credentials of a user": lambda c: CredentialRepository(c).newest(user_id="u7"),
    "credentials of a user and service": lambda c: CredentialRepository(c).newest(user_id="u7", service_type="s1"),
    "passwords of an e-mail": lambda c: PasswordRepository(c).of_email("u7@Example.org"),
    "the session of a token": lambda c: SessionRepository(c).valid("t7", _AT),
    "sessions of a user": lambda c: SessionRepository(c).of_user("u7"),
    "usual addresses": lambda c: SessionRepository(c).has_come_from("u7@example.org", "b"),
}


@pytest.fixture(scope="module")
def filled(postgresql_server: PostgresqlServer) -> Iterator[Storage]:
    """A database with many rows of these tables, of which the planner knows."""
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
