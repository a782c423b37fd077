"""`flowledger seed`: ten agents and an admin, once (docs/contract/seed.md)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import redis
from sqlalchemy import text

from flowledger.domain.errors import Refused
from flowledger.domain.names import is_name
from flowledger.domain.settings import Settings
from flowledger.services.seed import AGENTS, seed
from flowledger.storage.kinds.agents import AgentRepository
from flowledger.storage.kinds.users import UserRepository
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.connections import connect
from tests.builders import event
from tests.services.webhooks.calling import record_waiting
from tests.signing import key_file
from tests.storage.recording import count, dead_letters, record


@pytest.fixture
def client(settings: Settings) -> Iterator[redis.Redis]:
    """Redis, as workers use it."""
    with closing(connect(settings)) as connected:
        yield connected


def test_ten_agents_with_different_names_kinds_and_descriptions() -> None:
    assert len(AGENTS) == 10
    for field in ("name", "kind", "description"):
        assert len({getattr(one, field) for one in AGENTS}) == 10
    assert all(is_name(one.kind) and one.capabilities for one in AGENTS)


def test_a_seed_makes_agents_and_an_admin_and_a_second_one_nothing(
    settings: Settings, storage: Storage, client: redis.Redis
) -> None:
    first = seed(settings, storage, "Ada@example.org")
    assert first.admin is not None
    assert (first.made, first.admin.role) == (11, "admin")
    early = seed(settings, storage, "ada@EXAMPLE.org")
    assert (early.made, early.admin and early.admin.id) == (0, first.admin.id)
    assert record_waiting(settings, client, storage) == 11
    late = seed(settings, storage, "Ada@example.org")
    assert (late.made, [one.id for one in late.agents]) == (0, [one.id for one in first.agents])
    assert record_waiting(settings, client, storage) == 0
    assert dead_letters(storage) == []
    with storage.reading() as connection:
        user = UserRepository(connection).by_email("ada@example.org")
        agents = AgentRepository(connection).newest().items
        assert AgentRepository(connection).by_name("Planner") is not None
    assert user is not None
    assert (user.id, user.role, user.status) == (first.admin.id, "admin", "active")
    assert {(one.id, one.name) for one in agents} == {(one.id, one.name) for one in first.agents}


def test_ten_seeds_at_once_are_one(settings: Settings, storage: Storage, client: redis.Redis) -> None:
    with ThreadPoolExecutor(10) as pool:
        seeds = list(pool.map(lambda _: seed(settings, storage, "a@b"), range(10)))
    assert sum(one.made for one in seeds) == 11
    assert record_waiting(settings, client, storage) == 11
    assert (count(storage, "agents"), count(storage, "users")) == (10, 1)
    assert dead_letters(storage) == []


def test_a_user_who_has_the_address_is_not_changed(settings: Settings, storage: Storage, client: redis.Redis) -> None:
    record(storage, event("user.created", subject="usr_ada", email="ada@example.org", role="viewer"))
    found = seed(settings, storage, "Ada@Example.org")
    assert found.admin is not None
    assert (found.admin.id, found.admin.made, found.admin.role) == ("usr_ada", False, "viewer")
    record_waiting(settings, client, storage)
    assert count(storage, "users") == 1


def test_what_was_changed_or_deleted_since_stays_so(settings: Settings, storage: Storage, client: redis.Redis) -> None:
    first = seed(settings, storage, "a@b")
    record_waiting(settings, client, storage)
    assert first.admin is not None
    record(
        storage,
        event("agent.updated", subject=first.agents[0].id, name="Helper", time="2999-01-01T00:00:00Z"),
        event("agent.deleted", subject=first.agents[1].id, time="2999-01-01T00:00:00Z"),
        event("user.deleted", subject=first.admin.id, time="2999-01-01T00:00:00Z"),
    )
    assert seed(settings, storage, "a@b").made == 0
    assert record_waiting(settings, client, storage) == 0


def test_what_is_no_address_is_refused_and_nothing_is_made(
    settings: Settings, storage: Storage, client: redis.Redis
) -> None:
    with pytest.raises(Refused, match="e-mail"):
        seed(settings, storage, "nobody")
    assert client.keys("ledger:events:*") == []


def test_with_signatures_required_the_ledger_signs(
    settings: Settings, storage: Storage, client: redis.Redis, tmp_path: Path
) -> None:
    required = settings.model_copy(update={"signatures": "required", "key_file": key_file(tmp_path / "keys.json")})
    assert seed(required, storage, "a@b").made == 11
    assert record_waiting(required, client, storage) == 11
    with storage.reading() as connection:
        signed = 'SELECT count(*) FROM event_texts WHERE raw LIKE \'%"signature":"v1:k1:%\''
        assert connection.execute(text(signed)).scalar_one() == 11
