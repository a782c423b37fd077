from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
import redis

from flowledger.domain.settings import Settings
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.connections import connect
from tests.services.schedules.world import World


@pytest.fixture
def client(settings: Settings) -> Iterator[redis.Redis]:
    """Redis, as workers use it."""
    with closing(connect(settings)) as connected:
        yield connected


@pytest.fixture
def world(settings: Settings, client: redis.Redis, storage: Storage) -> Iterator[World]:
    with closing(World(settings, client, storage)) as made:
        yield made
