"""A worker as its users run it fires schedules, without beat, and however often it is killed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from flowledger.domain.times import now, written_time
from tests.builders import raw
from tests.services.schedules.world import World
from tests.waiting import wait_until
from tests.workers.conftest import StartWorker, start_worker

__all__ = ["start_worker"]


@pytest.mark.timeout(300)
def test_a_worker_that_is_killed_and_started_again_fires_each_second_once(
    world: World, start_worker: StartWorker
) -> None:
    begin = now()
    worker = start_worker()
    created = raw("schedule.created", subject="s", time=written_time(begin), expression="1s", missed="all")
    world.publisher.publish(created)
    for _ in range(2):
        goal = now() + timedelta(seconds=3)
        wait_until(lambda goal=goal: fired_until(world) > goal, 60, "schedules that fire")  # type: ignore[misc]
        worker.kill()
        worker = start_worker()
    wait_until(lambda: fired_until(world) > now() - timedelta(seconds=10), 60, "schedules that fire again")
    world.publisher.publish(raw("schedule.disabled", subject="s", time=written_time(now())))
    wait_until(lambda: world.publisher.backlog() == 0 and world.due().next_due_at is None, 60, "an end")
    worker.kill()
    fired = world.fired()
    assert fired == [fired[0] + timedelta(seconds=number) for number in range(len(fired))]
    assert timedelta(0) < fired[0] - begin <= timedelta(seconds=2)
    world.check()


def fired_until(world: World) -> datetime:
    with world.storage.reading() as connection:
        at = connection.exec_driver_sql("SELECT max(last_due_at) FROM schedules").scalar_one()
    if at is None:
        return datetime.min.replace(tzinfo=UTC)
    found = datetime.fromisoformat(at) if isinstance(at, str) else at
    return found if found.tzinfo else found.replace(tzinfo=UTC)
