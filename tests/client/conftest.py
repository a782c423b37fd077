"""Publishers and mailboxes of either kind, closed at the end; a Valkey of the test's own, to be filled and stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis

from flowledger.cli.embedded import EmbeddedValkey
from tests.client.agents import AGENT, AGENTS, Agent, AwaitedMailbox, MakeAgent, PostOffice
from tests.client.publishers import PUBLISHERS, AnyPublisher, MakePublisher


@pytest.fixture(params=PUBLISHERS)
def make_publisher(request: pytest.FixtureRequest) -> Iterator[MakePublisher]:
    """Makes publishers; the test runs once with each kind."""
    made: list[AnyPublisher] = []

    def make(*arguments: Any, **settings: Any) -> AnyPublisher:
        made.append(PUBLISHERS[request.param](*arguments, **settings))
        return made[-1]

    yield make
    for publisher in made:
        publisher.close()


@pytest.fixture
def publisher(make_publisher: MakePublisher, redis_url: str) -> AnyPublisher:
    return make_publisher(redis_url)


@pytest.fixture
def make_agent_of(redis_url: str) -> Iterator[MakeAgent]:
    """Makes mailboxes of a kind, for `AGENT`, open, unless told otherwise."""
    made: list[Agent] = []

    def make(
        kind: str, sandbox_id: str = AGENT, url: str = redis_url, *, is_open: bool = True, **settings: Any
    ) -> Agent:
        made.append(AGENTS[kind](sandbox_id, url, **settings))
        if is_open:
            made[-1].open()
        return made[-1]

    yield make
    for agent in made:
        agent.close()
        if isinstance(agent, AwaitedMailbox):
            agent.end()


@pytest.fixture(params=AGENTS)
def make_agent(request: pytest.FixtureRequest, make_agent_of: MakeAgent) -> MakeAgent:
    """The same; the test runs once with each kind."""
    return partial(make_agent_of, request.param)


@pytest.fixture
def agent(make_agent: MakeAgent) -> Agent:
    return make_agent()


@pytest.fixture
def post(server: redis.Redis) -> PostOffice:
    """The post office of the session's server."""
    return PostOffice(server)


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
