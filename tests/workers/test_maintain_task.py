"""The Celery task: when a turn leaves its process to a drain."""

from __future__ import annotations

import pytest
import redis

from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.services.retention.task import nobody_drains


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Which database there is does not matter."""
    return sqlite_url


def test_entries_that_wait_without_any_drain_go_first(settings: Settings, client: redis.Redis) -> None:
    assert not nobody_drains(client, settings)
    client.xadd(streams.stream(3), {"event": b"{}"})
    assert nobody_drains(client, settings)
    client.set(streams.lease(5), "a drain", px=60_000)
    assert not nobody_drains(client, settings)
