"""Platforms on both databases, and the commands that people there would call."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import redis

from flowledger.domain.settings import Settings
from flowledger.storage.unit_of_work import Storage
from tests.acceptance.reporting import Platform
from tests.cli.conftest import flowledger, run
from tests.storage.recording import differences
from tests.workers.conftest import client, start_worker

__all__ = ["client", "flowledger", "run", "start_worker"]  # fixtures of other rooms

MakePlatform = Callable[[str], Platform]


@pytest.fixture
def make_platform(settings: Settings, client: redis.Redis, storage: Storage) -> Iterator[MakePlatform]:
    """Makes platforms by their `source`. At the end, each row must be what the journal says."""
    made: list[Platform] = []

    def make(source: str) -> Platform:
        made.append(Platform(source, settings, client, storage))
        return made[-1]

    yield make
    for platform in made:
        platform.publisher.close()
    assert differences(storage) == []
