"""Each `webhook-id` starts one execution, whenever and however often its calls come (docs/decisions/0044)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Final

import pytest
import redis

from flowledger.domain.errors import BrokerUnavailable, DatabaseUnavailable
from flowledger.domain.settings import Settings
from flowledger.services.webhooks import Received, WebhookReceiver
from flowledger.storage import tables
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.status.refused_webhooks import refusals
from tests import rows
from tests.proxy import Fault, Proxy
from tests.services.webhooks.calling import (
    OLD,
    Kept,
    call,
    headers,
    record_waiting,
    refused,
    set_up,
    waiting,
    with_settings,
)
from tests.storage.recording import count, dead_letters, row

OTHER: Final = b'{"other": true}'

CALLER: Final = """
import sys
from flowledger.domain.settings import Settings
from flowledger.services.webhooks import WebhookReceiver
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.unit_of_work import Storage
from tests.services.webhooks.calling import SECRET, Kept, call
settings = Settings.load()
with Storage(make_engine(settings)) as storage, WebhookReceiver(settings, storage, Kept(current=SECRET)) as receiver:
    for line in sys.stdin:
        received = call(receiver, line.strip(), line.encode())
        print(received.raw.decode(), flush=True)
"""


def test_a_retry_gets_the_first_event_while_it_waits_and_when_it_is_recorded(
    settings: Settings, storage: Storage, client: redis.Redis, receiver: WebhookReceiver
) -> None:
    set_up(storage)
    first = call(receiver)
    assert not first.repeated
    again = [call(receiver), call(receiver, body=OTHER, late=100)]
    assert record_waiting(settings, client, storage) == 1
    again += [call(receiver), call(receiver, body=OTHER)]
    assert {one.raw for one in again} == {first.raw}
    assert all(one.repeated for one in again)
    assert record_waiting(settings, client, storage) == 0
    assert count(storage, "executions") == 1
    assert dead_letters(storage) == []


def test_of_twenty_calls_at_once_one_starts_an_execution(
    settings: Settings, storage: Storage, client: redis.Redis, receiver: WebhookReceiver
) -> None:
    set_up(storage)
    for round_ in range(5):
        ready = threading.Barrier(20)

        def one(number: int, name: str = f"msg_{round_}", ready: threading.Barrier = ready) -> Received:
            ready.wait()
            return call(receiver, name, b'{"n": %d}' % number)

        with ThreadPoolExecutor(20) as pool:
            received = list(pool.map(one, range(20)))
        assert len({one.raw for one in received}) == 1
        assert sum(not one.repeated for one in received) == 1
    assert record_waiting(settings, client, storage) == 5
    assert count(storage, "executions") == 5
    assert dead_letters(storage) == []


def test_calls_meet_the_worker_that_records_the_first(
    settings: Settings, storage: Storage, client: redis.Redis, receiver: WebhookReceiver
) -> None:
    set_up(storage)
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            record_waiting(settings, client, storage)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        for number in range(30):
            texts = {call(receiver, f"msg_{number}", b'{"n": %d}' % time).raw for time in range(6)}
            assert len(texts) == 1
    finally:
        done.set()
        worker.join()
    record_waiting(settings, client, storage)
    assert count(storage, "executions") == 30
    assert dead_letters(storage) == []


def test_if_redis_forgets_before_it_is_recorded_the_second_event_is_a_repeat(
    settings: Settings, storage: Storage, client: redis.Redis, receiver: WebhookReceiver
) -> None:
    """Recording was paused for longer than the key is kept."""
    set_up(storage)
    first = call(receiver)
    _forget(client)
    second = call(receiver, body=OTHER)
    assert second.execution_id == first.execution_id
    assert len(waiting(client)) == 2
    assert record_waiting(settings, client, storage) == 1
    assert row(storage, "executions", first.execution_id)["input"] == {"order": {"id": 7}}
    assert dead_letters(storage) == []
    assert call(receiver, body=OTHER).raw == first.raw


def test_an_event_that_neither_waits_nor_is_recorded_is_not_published_again(
    storage: Storage, client: redis.Redis, receiver: WebhookReceiver
) -> None:
    set_up(storage)
    first = call(receiver)
    for shard in range(8):
        client.xtrim(f"ledger:events:{shard}", maxlen=0)
    again = call(receiver, body=OTHER)
    assert (again.execution_id, again.repeated) == (first.execution_id, True)
    assert waiting(client) == []


def test_the_key_that_finds_the_entry_expires_in_a_day(
    storage: Storage, client: redis.Redis, receiver: WebhookReceiver
) -> None:
    set_up(storage)
    call(receiver)
    (key,) = client.scan_iter("ledger:once:*")
    assert 86_000 < int(str(client.ttl(key))) <= 86_400


@pytest.mark.parametrize("fault", [Fault.REPLY_LOST, Fault.REQUEST_LOST])
def test_a_reply_that_is_lost_publishes_nothing_twice(
    settings: Settings, storage: Storage, client: redis.Redis, kept: Kept, proxy: Proxy, fault: Fault
) -> None:
    set_up(storage)
    proxy.spoil(fault, mark=b"XADD")
    with WebhookReceiver(with_settings(settings, redis_url=proxy.url), storage, kept) as receiver:
        received = call(receiver)
    assert proxy.spoilt == 1
    assert not received.repeated
    assert len(waiting(client)) == 1


def test_a_call_that_died_on_its_way_is_completed_by_its_retry(
    settings: Settings, storage: Storage, client: redis.Redis, kept: Kept, proxy: Proxy
) -> None:
    set_up(storage)
    quick = with_settings(settings, redis_url=proxy.url, publish_timeout_seconds=0.2)
    for number, fault in enumerate((Fault.REPLY_LOST, Fault.REQUEST_LOST, Fault.SILENCE)):
        proxy.spoil(fault, times=100, mark=b"XADD")
        with WebhookReceiver(quick, storage, kept) as receiver, pytest.raises(BrokerUnavailable, match="try again"):
            call(receiver, f"msg_{number}")
        proxy.spoil(fault, times=0)
        with WebhookReceiver(quick, storage, kept) as receiver:
            received = call(receiver, f"msg_{number}", OTHER)
        assert received.input == ({"other": True} if fault is Fault.REQUEST_LOST else {"order": {"id": 7}})
    assert record_waiting(settings, client, storage) == 3
    assert dead_letters(storage) == []


def test_without_redis_a_call_may_be_tried_again_and_is_no_refusal(
    settings: Settings, storage: Storage, client: redis.Redis, kept: Kept
) -> None:
    set_up(storage)
    quick = with_settings(settings, redis_url="redis://127.0.0.1:1/0", publish_timeout_seconds=0.2)
    with WebhookReceiver(quick, storage, kept) as receiver:
        with pytest.raises(BrokerUnavailable, match=r"127\.0\.0\.1:1"):
            call(receiver)
        assert refused(receiver, headers(secret=OLD))[0] == "unauthorized", "refusals need no Redis"
    assert refusals(client) == []


@pytest.mark.parametrize("url", ["postgresql://u:hunter2@127.0.0.1:1/none", "sqlite:////none/such/folder/ledger.db"])
def test_without_a_database_a_call_may_be_tried_again_and_is_no_refusal(
    redis_url: str, client_of: redis.Redis, kept: Kept, url: str
) -> None:
    settings = Settings.load(redis_url=redis_url, database_url=url)
    with (
        Storage(make_engine(settings)) as storage,
        WebhookReceiver(settings, storage, kept) as receiver,
        pytest.raises(DatabaseUnavailable) as error,
    ):
        call(receiver)
    assert "hunter2" not in str(error.value)
    assert refusals(client_of) == []


def test_processes_that_are_killed_at_any_moment(settings: Settings, storage: Storage, client: redis.Redis) -> None:
    set_up(storage)
    ids = [f"{number}" for number in range(150)]
    random = Random(1)
    for _ in range(3):
        _killed(settings, ids, random.randrange(1, 100))
        if random.random() < 0.5:
            record_waiting(settings, client, storage)
    told = _answers(settings, ids)
    record_waiting(settings, client, storage)
    with storage.reading() as connection:
        created = rows.JOURNAL.where(tables.events.c.type == "execution.created")
        recorded = connection.execute(created).scalars().all()
    assert sorted(recorded) == sorted(told)
    assert len(recorded) == len(ids)
    assert dead_letters(storage) == []


@pytest.fixture
def proxy(settings: Settings) -> Iterator[Proxy]:
    assert settings.redis_url is not None
    address = redis.Redis.from_url(settings.redis_url.get_secret_value()).connection_pool.connection_kwargs
    with Proxy(address["path"] if "path" in address else (address["host"], address["port"])) as opened:
        yield opened


@pytest.fixture
def client_of(redis_url: str) -> Iterator[redis.Redis]:
    with closing(redis.Redis.from_url(redis_url)) as client:
        yield client


def _forget(client: redis.Redis) -> None:
    for key in client.scan_iter("ledger:once:*"):
        client.delete(key)


def _environment(settings: Settings) -> dict[str, str]:
    assert settings.redis_url is not None
    assert settings.database_url is not None
    return os.environ | {
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "DATABASE_URL": settings.database_url.get_secret_value(),
    }


def _caller(settings: Settings) -> subprocess.Popen[str]:
    root = Path(__file__).parents[3]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", CALLER], cwd=root, env=_environment(settings), stdin=pipe, stdout=pipe, text=True
    )


def _killed(settings: Settings, ids: list[str], after: int) -> None:
    """Have a process call with all ids, and kill it a moment after some answers."""
    with _caller(settings) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("\n".join(ids) + "\n")
        process.stdin.flush()
        for _ in range(after):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)


def _answers(settings: Settings, ids: list[str]) -> list[str]:
    """Have a process call with all ids; return the events of its answers."""
    with _caller(settings) as process:
        out, _ = process.communicate("\n".join(ids) + "\n", timeout=60)
    assert process.returncode == 0
    return out.splitlines()
