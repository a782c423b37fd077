"""Which workers `flowledger status` counts: Flowledger's own, of every kind of pool."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from celery import Celery

from flowledger.cli import processes
from flowledger.cli.processes import Process
from flowledger.client import Publisher
from flowledger.domain.broker_address import BrokerAddress
from flowledger.domain.settings import Settings
from flowledger.workers.connections import connect
from flowledger.workers.health.alive import alive
from flowledger.workers.health.liveness import signs
from flowledger.workers.status.living_workers import worker_of
from flowledger.workers.status.remote_control import asked
from tests.builders import event
from tests.cli.calling import Flowledger
from tests.waiting import wait_until

START_SECONDS: Final = 60
Start = Callable[..., Process]


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough here."""
    return sqlite_url


@pytest.fixture
def start(settings: Settings, tmp_path: Path) -> Iterator[Start]:
    """Starts a process that is killed at the end."""
    started: list[Process] = []

    def start(command: list[str], **environment: str) -> Process:
        log = tmp_path / f"process-{len(started)}.log"
        worker = Process("worker", command, processes.worker_environment(settings) | environment, log)
        worker.start()
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.kill()


@pytest.fixture
def status(flowledger: Flowledger, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    for name, value in processes.environment(settings).items():
        if os.environ.get(name) != value:
            monkeypatch.setenv(name, value)
    return lambda: flowledger("status", "--json").json


def database_of(settings: Settings) -> int:
    return BrokerAddress.of(settings).database


def with_answers(status: Callable[[], Any]) -> Any:
    """The status, once a worker has answered."""
    return wait_until(lambda: (found := status())["workers"] and found, START_SECONDS, "a worker that answers")


@pytest.mark.parametrize(
    ("pool", "told"),
    [
        ({"implementation": "celery.concurrency.prefork:TaskPool", "processes": [7, 8]}, (2, "prefork")),
        ({"implementation": "celery.concurrency.solo:TaskPool", "processes": [7]}, (1, "solo")),
        ({"implementation": "celery.concurrency.thread:TaskPool", "max-concurrency": 3}, (1, "3 threads")),
        ({"implementation": "celery.concurrency.gevent:TaskPool", "max-concurrency": 100}, (1, "100 greenlets")),
        ({"implementation": "celery.concurrency.eventlet:TaskPool", "max-concurrency": 9}, (1, "9 greenlets")),
    ],
)
def test_the_processes_of_each_pool_are_counted(pool: dict[str, Any], told: tuple[int, str]) -> None:
    worker = worker_of({"pool": pool, "flowledger": {"signatures": "off"}})
    assert (worker.processes, worker.pool) == told


def test_a_worker_with_threads_is_counted(start: Start, status: Callable[[], Any], settings: Settings) -> None:
    start([*processes.worker_command(3), "--pool", "threads"])
    found = with_answers(status)
    assert list(zip(found["workers"].values(), found["pools"].values(), strict=True)) == [(1, "3 threads")]
    assert found["signatures"] == "off"
    with closing(connect(settings)) as client:
        assert [(one.name, one.processes, one.pool) for one in alive(client)] == [(*found["workers"], 3, "thread")]
    assert [(one.name, one.hangs) for one in signs(settings.home)] == [(*found["workers"], False)]


def test_a_worker_that_is_busy_in_its_only_process_is_waited_for(
    start: Start, status: Callable[[], Any], settings: Settings
) -> None:
    start([*processes.worker_command(1), "--pool", "solo"])
    with Publisher(settings=settings) as publisher:
        publisher.publish(event("task.started"))
        wait_until(lambda: publisher.backlog() == 0, START_SECONDS, "a drain, which waits for more")
    assert list(status()["workers"].values()) == [1]


def test_the_last_reply_ends_the_wait_and_nothing_is_left_in_redis(
    start: Start, status: Callable[[], Any], settings: Settings
) -> None:
    """A question that waited for its time would wait for ten minutes here."""
    start([*processes.worker_command(1), "--pool", "threads"])
    with_answers(status)
    with closing(connect(settings)) as client:
        with asked(client, database_of(settings), "ping", seconds=600) as replies:
            assert [reply for _, reply in replies.within(600)] == [{"ok": "pong"}]
        assert [*client.scan_iter("*reply*")] == []


def test_nobody_is_waited_for_if_there_are_no_workers(settings: Settings) -> None:
    with closing(connect(settings)) as client, asked(client, database_of(settings), "ping", seconds=600) as replies:
        assert list(replies.within(600)) == []


def test_what_others_push_among_the_replies_is_no_reply(settings: Settings) -> None:
    with closing(connect(settings)) as client, closing(connect(settings)) as other, other.pubsub() as subscriber:
        subscriber.subscribe(f"/{database_of(settings)}.celery.pidbox")
        assert subscriber.get_message(timeout=10) is not None, "the subscription"
        with asked(client, database_of(settings), "ping", seconds=600) as replies:
            told = json.loads((subscriber.get_message(timeout=10) or {})["data"])
            name = json.loads(base64.b64decode(told["body"]))["reply_to"]["routing_key"]
            other.lpush(f"{name}.reply.celery.pidbox", '{"body": 12}')
            assert list(replies.within(600)) == []


def test_other_workers_of_celery_are_none_of_ours(start: Start, status: Callable[[], Any], redis_url: str) -> None:
    control = [sys.executable, "-m", "celery", "-A", "tests.faults.control_app", "worker", "--concurrency", "1"]
    start(control, CONTROL_BROKER_URL=redis_url)
    with Celery(broker=redis_url) as asking:
        wait_until(lambda: asking.control.inspect(timeout=1).ping(), START_SECONDS, "a worker that answers")
    found = status()
    assert (found["workers"], found["signatures"]) == ({}, None)
