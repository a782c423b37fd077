"""How much of what waits one drain takes, and how much it leaves to others."""

from __future__ import annotations

import redis

from flowledger.domain.settings import Settings
from flowledger.workers.shards import Shards
from tests.workers.draining import SHARD, add, created


def test_of_a_backlog_a_drain_leaves_shards_to_others(settings: Settings, client: redis.Redis) -> None:
    small = settings.model_copy(update={"batch_entries": 4})
    for shard in (SHARD, SHARD + 1):
        add(client, *created(4, f"{shard}/"), shard=shard)
    one, other = Shards(client, small, SHARD), Shards(client, small, SHARD + 1)
    assert {entry.shard for entry in one.take().entries} == {SHARD}
    assert {entry.shard for entry in other.take().entries} == {SHARD + 1}


def test_a_batch_is_a_quarter_of_what_waits_so_that_others_get_some(settings: Settings, client: redis.Redis) -> None:
    waiting, busy = Shards(client, settings, SHARD), Shards(client, settings, SHARD)
    watch = waiting.take()
    for shard in range(8):
        add(client, *created(40, f"{shard}/"), shard=shard)
    assert len(busy.take().entries) == 80
    waiting.wait(watch)
    assert len(waiting.take().entries) == 60, "of the shards that nobody has"


def test_a_batch_is_hardly_worth_its_way_with_less_than_32(settings: Settings, client: redis.Redis) -> None:
    add(client, *created(40, ""))
    one = Shards(client, settings, SHARD)
    assert len(one.take().entries) == 32
    one.leave()
    add(client, *created(600, "more/"))
    assert len(one.take().entries) == 160
    one.leave()
    add(client, *created(2000, "many/"))
    assert len(one.take().entries) == settings.batch_entries == 500
