"""The list of the keys that may stay in Redis, and what looks for others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
import redis

from flowledger.domain import streams
from tests.lasting import keys_left

PAGE: Final = (Path(__file__).parents[1] / "docs" / "architecture.md").read_text()


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with closing(redis.Redis.from_url(redis_url)) as connected:
        yield connected
        connected.flushdb()


def test_the_architecture_page_names_every_key_that_may_last() -> None:
    assert [key for key in streams.LASTING if f"`{key}`" not in PAGE] == []


def test_every_key_of_the_page_may_last_or_expires() -> None:
    rows = re.findall(r"^\| (`[^|]+`) \|[^|]*\| (.+) \|$", PAGE.partition("## What stands in Redis")[2], re.MULTILINE)
    assert len(rows) > 25
    named = [(key, meaning) for keys, meaning in rows for key in re.findall(r"`([^`]+)`", keys)]
    assert [key for key, meaning in named if key not in streams.LASTING and "expire" not in meaning] == []


@pytest.mark.parametrize(
    "key", [streams.stream(3), streams.aside("k"), streams.posted("a:b\nc", "sb"), streams.PAUSED, "_kombu.binding.x"]
)
def test_a_lasting_key_may_stay(client: redis.Redis, key: str) -> None:
    client.set(key, "1")
    assert keys_left(client) == set()


@pytest.mark.parametrize(
    "key", [streams.lease(3), streams.consumers("sb"), streams.rate(0.0), "ledger:event", "x_kombu.binding.x"]
)
def test_another_key_must_expire(client: redis.Redis, key: str) -> None:
    client.set(key, "1", ex=60)
    assert keys_left(client) == set()
    client.persist(key)
    assert keys_left(client) == {key}


def test_an_inbox_may_stay_while_it_holds_messages(client: redis.Redis) -> None:
    entry = client.xadd(streams.inbox("sb"), {"event": "{}"})
    assert keys_left(client) == set()
    client.xdel(streams.inbox("sb"), entry)
    assert keys_left(client) == {streams.inbox("sb")}


@pytest.mark.leaves("somebody's")
def test_a_test_may_leave_a_key_of_its_own(redis_url: str) -> None:
    with closing(redis.Redis.from_url(redis_url)) as server:
        server.set("somebody's", "1")
