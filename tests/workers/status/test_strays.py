"""What `flowledger status` tells of streams that nobody reads, and of how fast the outbox falls."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

import pytest
import redis

from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.connections import connect
from flowledger.workers.status import gather, strays


@pytest.fixture
def client(settings: Settings) -> Iterator[redis.Redis]:
    with closing(connect(settings)) as connected:
        yield connected


@pytest.mark.leaves("ledger:events")
@pytest.mark.parametrize("name", ["ledger:events", "ledger:events:8", "ledger:events:08", "ledger:events:99999"])
def test_a_stream_that_nobody_reads_is_found(client: redis.Redis, name: str) -> None:
    for key in (name, streams.stream(0), streams.stream(7)):
        client.xadd(key, {"event": "{}"})
    client.set("ledger:events:9", "no stream")
    assert strays.strays(client, 8) == {name: 1}


def test_it_is_said_what_to_do_about_it() -> None:
    told = strays.words({f"ledger:events:{place}": 1_000 for place in range(8, 20)}, 8)
    assert told.startswith("nobody reads ledger:events:8 (1,000), ledger:events:9 (1,000), ")
    assert "and 2 more: shards are ledger:events:0 to ledger:events:7. Set LEDGER_SHARDS alike" in told


def test_messages_that_were_put_into_inboxes_are_no_events(
    client: redis.Redis, settings: Settings, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gather, "workers", lambda _client, _settings: {})
    for ago in (10, 20):
        rate = streams.rate(time.time() - ago)
        client.hset(rate, mapping={"posted": 30, "recorded": 60})
        client.expire(rate, streams.RATE_KEPT_SECONDS)
    found = gather.status(settings)
    assert (found.rate_60s, found.outbox.posted_60s) == (2.0, 1.0)
