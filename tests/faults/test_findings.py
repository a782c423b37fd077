"""What the fault harness found, each as small as it can be told."""

from __future__ import annotations

import contextlib
import subprocess
import sys

from flowledger.cli import processes
from flowledger.client.publisher import Publisher
from tests.builders import raw
from tests.faults.rows.row_16_secrets import start_flower, status_of
from tests.faults.servers import stopped
from tests.faults.world import World
from tests.waiting import wait_until


def test_a_worker_that_starts_while_the_broker_is_full_lives_until_there_is_room(world: World) -> None:
    world.redis.config_set("maxmemory", 1)
    worker = world.add_worker()
    try:
        wait_until(lambda: not worker.is_running() or "not allowed when used memory" in world.worker_logs(), 20)
        assert worker.is_running()
        world.redis.config_set("maxmemory", 0)
        wait_until(lambda: world.consuming() == len(world.workers), 30)
        assert worker.is_running()
    finally:
        world.redis.config_set("maxmemory", 0)
        world.kill_workers()


def test_a_worker_that_takes_a_bell_while_the_broker_is_full_lives(world: World) -> None:
    (worker, *others) = world.workers
    with stopped(worker.pid):
        for other in others:
            other.kill()
            world.workers.remove(other)
        ring = (
            "from flowledger.workers.app import app; "
            "from flowledger.workers.bootstep import send_drain; send_drain(app, 0)"
        )
        subprocess.run([sys.executable, "-c", ring], env=processes.environment(world.direct), check=True)
        world.redis.config_set("maxmemory", 1)
    try:
        wait_until(lambda: not worker.is_running() or not world.redis.llen("ledger"), 20)
        with contextlib.suppress(AssertionError):
            wait_until(lambda: not worker.is_running(), 6)
        assert worker.is_running()
    finally:
        world.redis.config_set("maxmemory", 0)


def test_flower_shows_its_metrics_to_nobody_without_a_password(world: World) -> None:
    flower, port = start_flower(world, {})

    def answers() -> int:
        try:
            return status_of(f"http://127.0.0.1:{port}/")
        except OSError:
            return 0

    try:
        wait_until(answers, 20)
        assert status_of(f"http://127.0.0.1:{port}/metrics") == 401
    finally:
        flower.stop()


def test_workers_raise_an_alarm_when_the_broker_lost_its_data(world: World) -> None:
    publish(world, 100)
    wait_until(world.is_drained, 20)
    world.redis.flushall()
    publish(world, 100)
    wait_until(lambda: world.recorded() == 200, 20)
    assert "the broker has lost its data" in world.worker_logs()


def publish(world: World, events: int) -> None:
    with Publisher(settings=world.direct) as publisher:
        publisher.publish_many(raw("task.created", subject=f"t{number}") for number in range(events))
