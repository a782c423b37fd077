"""A worker as its users run it: published events are recorded, whatever happens to the worker."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from flowledger.client.publisher import Publisher
from flowledger.domain.settings import Settings
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.storage.recording import count, dead_letters, differences
from tests.waiting import wait_until
from tests.workers.conftest import StartWorker


def history(tasks: int) -> list[bytes]:
    """Tasks from beginning to end, with log lines; 4 events each."""
    return [
        raw(kind, subject=f"task_{task}", id=f"{task}/{step}", sequence=str(step))
        for task in range(tasks)
        for step, kind in enumerate(("task.created", "task.started", "task.logged", "task.completed"))
    ]


def recorded(storage: Storage, events: int) -> Callable[[], bool]:
    return lambda: count(storage, "events") == events


def test_published_events_are_recorded(settings: Settings, storage: Storage, start_worker: StartWorker) -> None:
    start_worker()
    with Publisher(settings=settings) as publisher:
        publisher.publish_many(history(50))
        wait_until(lambda: publisher.backlog() == 0, 30)
    assert count(storage, "events") == 200
    assert differences(storage) == []


def test_two_workers_share_the_shards(settings: Settings, storage: Storage, start_worker: StartWorker) -> None:
    start_worker()
    start_worker()
    with Publisher(settings=settings) as publisher:
        publisher.publish_many([*history(300), *history(300)])
        wait_until(lambda: publisher.backlog() == 0, 30)
    assert count(storage, "events") == 1200
    assert differences(storage) == []


def test_a_worker_ends_soon_after_sigterm_and_leaves_the_rest_to_the_next(
    settings: Settings, storage: Storage, start_worker: StartWorker
) -> None:
    first = start_worker()
    with Publisher(settings=settings) as publisher:
        publisher.publish_many(history(2000))
        wait_until(lambda: count(storage, "events") > 100, 30)
        first.signal(signal.SIGTERM)
        wait_until(lambda: not first.is_running(), 20)
        start_worker()
        wait_until(lambda: publisher.backlog() == 0, 60)
    assert count(storage, "events") == 8000
    assert differences(storage) == []


def test_rubbish_among_good_events_holds_up_nothing(
    settings: Settings, storage: Storage, start_worker: StartWorker
) -> None:
    """Written as any Redis client may, past the publisher's checks."""
    from flowledger.workers.connections import connect

    client = connect(settings)
    start_worker()
    for place in range(40):
        client.execute_command(
            "XADD", f"ledger:events:{place % 8}", "*", "event", raw("task.created", subject=f"t{place}")
        )
        client.execute_command("XADD", f"ledger:events:{place % 8}", "*", "event", b"\xff rubbish %d" % place)
    wait_until(lambda: count(storage, "dead_letters") == 40 and count(storage, "events") == 40, 30)
    assert {letter.raw for letter in dead_letters(storage)} == {b"\xff rubbish %d" % place for place in range(40)}
    client.close()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_broker_may_go_away_and_come_back(
    settings: Settings, storage: Storage, tmp_path: Path, database_url: str
) -> None:
    """As row 5 of the fault plan: kill -9 of the broker; its disk survives, the worker is not started again."""
    from flowledger.cli import processes
    from flowledger.cli.embedded import EmbeddedValkey
    from flowledger.cli.processes import Process
    from tests.conftest import settings_for

    broker = EmbeddedValkey(tmp_path / "valkey")
    broker.start()
    own = settings_for(database_url, broker.url)
    worker = Process("worker", processes.worker_command(2), processes.worker_environment(own), tmp_path / "worker.log")
    worker.start()
    try:
        with Publisher(settings=own) as publisher:
            publisher.publish_many(history(200))
            broker.kill()
            broker.start()
            wait_until(lambda: publisher.backlog() == 0, 60)
            publisher.publish_many(history(250))
            wait_until(lambda: publisher.backlog() == 0, 60)
        assert count(storage, "events") == 1000
        assert differences(storage) == []
    finally:
        worker.kill()
        broker.stop()
