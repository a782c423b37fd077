"""Publishers of either kind, closed at the end, and a Valkey of the test's own, to be filled, stopped and started."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis

from cli.embedded import EmbeddedValkey
from tests.client.faces import FACES, Face, MakeFace


@pytest.fixture(params=FACES)
def make_publisher(request: pytest.FixtureRequest) -> Iterator[MakeFace]:
    """Makes publishers; the test runs once with each kind."""
    made: list[Face] = []

    def make(*arguments: Any, **settings: Any) -> Face:
        made.append(FACES[request.param](*arguments, **settings))
        return made[-1]

    yield make
    for publisher in made:
        publisher.close()


@pytest.fixture
def publisher(make_publisher: MakeFace, redis_url: str) -> Face:
    return make_publisher(redis_url)


@pytest.fixture
def server(redis_url: str) -> Iterator[redis.Redis]:
    """The server itself, to look into."""
    with closing(redis.Redis.from_url(redis_url)) as client:
        yield client


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    valkey = EmbeddedValkey(tmp_path / "valkey")
    valkey.start()
    try:
        yield valkey
    finally:
        valkey.stop()
