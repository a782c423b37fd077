"""What does not survive yet, each as small as it can be told; a mended one turns its mark into a failure."""

from __future__ import annotations

import pytest

from tests.faults.world import World
from tests.waiting import wait_until


@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="kombu declares its queue by SADD, which a full Redis refuses; Celery takes that for unrecoverable and ends",
)
def test_a_worker_that_starts_while_the_broker_is_full_lives_until_there_is_room(world: World) -> None:
    world.redis.config_set("maxmemory", 1)
    worker = world.add_worker()
    try:
        wait_until(lambda: not worker.is_running() or world.consuming() == len(world.workers), 20)
        assert worker.is_running()
    finally:
        world.redis.config_set("maxmemory", 0)
        worker.kill()
        world.workers.remove(worker)
