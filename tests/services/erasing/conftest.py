"""A ledger with executions in it, and what erases them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
import redis

from flowledger.domain.settings import Settings
from flowledger.services.erasing.eraser import Erased, Eraser
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.post import PostOffice
from tests.builders import raw
from tests.conftest import settings_for
from tests.workers.office import Office


class Scene(Office):
    """Drains, a post office, and an eraser."""

    def __init__(self, settings: Settings, client: redis.Redis, storage: Storage) -> None:
        super().__init__(settings, client, storage)
        self.settings = self.settings.model_copy(update={"inbox_messages": 1_000})
        self.post = PostOffice(client, self.settings, storage)

    def record_attached(self) -> None:
        """A point of an agent that names an execution, and an audit line of a document that names a user."""
        self.publish(
            raw("execution.created", subject="e"),
            raw("user.created", subject="u", email="u@example.org"),
            raw("metric.recorded", subject="agent", name="x", value=1, execution_id="e"),
            raw("audit.logged", subject="doc", action="read", user_id="u", details={"a": 1}),
        )
        self.drain()

    @property
    def eraser(self) -> Eraser:
        return Eraser(self.settings, self.storage, self.client)

    def erase(self, *ids: str) -> Erased:
        self.eraser.begin(ids, why="asked for", by="jo")
        return self.eraser.go_on()


@pytest.fixture
def scene(settings: Settings, redis_url: str) -> Iterator[Scene]:
    with closing(redis.Redis.from_url(redis_url)) as client, Storage.open(_url(settings)) as storage:
        yield Scene(settings, client, storage)


@pytest.fixture
def postgresql_eraser(postgresql_url: str, postgresql_storage: Storage, redis_url: str) -> Iterator[Eraser]:
    """For what only PostgreSQL does."""
    with closing(redis.Redis.from_url(redis_url)) as client:
        yield Eraser(settings_for(postgresql_url, redis_url), postgresql_storage, client)


def _url(settings: Settings) -> str:
    assert settings.database_url is not None
    return settings.database_url.get_secret_value()
