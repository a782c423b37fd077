"""What Redis refuses is no entry's death: used-up streams and keys of another type are mended, and others go on."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import redis

from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.entries import MOST_DEATHS
from flowledger.workers.inboxes import Inboxes
from flowledger.workers.post import PostOffice
from flowledger.workers.shards import Shards
from flowledger.workers.tending import tend
from tests.builders import raw
from tests.storage.recording import count, dead_letters
from tests.waiting import wait_until
from tests.workers.conftest import StartWorker
from tests.workers.draining import SHARD, STREAM, add, created, drain

LAST_ID = streams.LAST_ID
FUTURE_ID = "99999999999999-0"


@pytest.mark.parametrize("entry_id", [LAST_ID, f"{2**64 - 1}-{2**64 - 2}", FUTURE_ID])
def test_a_stream_that_is_used_up_is_recorded_and_begins_anew(
    settings: Settings, client: redis.Redis, storage: Storage, entry_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    client.xadd(STREAM, {streams.FIELD: raw("task.created", subject="last")}, id=entry_id)
    tend(client, settings)
    assert client.xlen(STREAM) == 1, "while it holds entries it is left alone"
    assert drain(settings, client, storage)["recorded"] == 1
    tend(client, settings)
    tend(client, settings)
    assert [record.message for record in caplog.records if "used up" in record.message] == [
        f"{STREAM} was used up: a producer gave an entry an id of the future; the stream begins anew"
    ]
    add(client, raw("task.created", subject="next"))
    assert drain(settings, client, storage)["recorded"] == 1
    assert count(storage, "tasks") == 2


def test_a_stream_that_was_used_up_and_emptied_begins_anew(settings: Settings, client: redis.Redis) -> None:
    """As its producer may leave it: no drain ever sees the entry."""
    client.xadd(STREAM, {streams.FIELD: "x"}, id=LAST_ID, maxlen=0, approximate=False)
    with pytest.raises(redis.ResponseError):
        client.xadd(STREAM, {streams.FIELD: "x"})
    tend(client, settings)
    assert client.xadd(STREAM, {streams.FIELD: "x"})


def test_an_idle_stream_that_is_used_up_stops_no_drain(
    settings: Settings, client: redis.Redis, storage: Storage
) -> None:
    client.xadd(streams.IDLE, {"shard": "all"}, id=LAST_ID)
    add(client, *created(3))
    assert drain(settings, client, storage)["recorded"] == 3
    tend(client, settings)
    assert client.xadd(streams.IDLE, {"shard": "all"})


@pytest.mark.parametrize(
    "key",
    [
        streams.WATCH, streams.HOLD, streams.BROKER, streams.FAILURES, streams.PAUSED, streams.IDLE, streams.COUNTERS,
        streams.SOURCES, streams.ASIDE, streams.ASIDE_SIZES, streams.lease(SHARD), streams.bell(SHARD),
        streams.caution(SHARD), streams.fuse(SHARD), streams.stream(SHARD - 1),
    ],
)  # fmt: skip
def test_a_key_of_another_type_counts_as_no_death_and_is_mended(
    settings: Settings, client: redis.Redis, storage: Storage, key: str
) -> None:
    add(client, raw("task.created"))
    client.zadd(key, {"no such thing": 1})
    for _ in range(2 * MOST_DEATHS):
        if drain(settings, client, storage)["recorded"]:
            break
        tend(client, settings)
    assert client.exists(streams.lease(SHARD), streams.caution(SHARD)) == 0
    assert count(storage, "tasks") == 1
    assert dead_letters(storage) == []
    assert client.type(key) != b"zset"


@pytest.mark.parametrize("step", ["take", "done"])
@pytest.mark.parametrize("words", ["NOPERM this user has no permissions", "READONLY You can't write", "BUSY a script"])
def test_what_redis_refuses_is_no_death(
    settings: Settings,
    client: redis.Redis,
    storage: Storage,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    step: str,
    words: str,
) -> None:
    monkeypatch.setattr("flowledger.workers.alarms._told", {})
    real = getattr(Shards, step)

    def refused(self: Shards, *arguments: Any, **options: Any) -> Any:
        if step == "take":
            real(self, *arguments, **options)
        raise redis.ResponseError(f"{words} ({step}, {settings.database_url})")

    add(client, raw("task.created"))
    with monkeypatch.context() as refusing:
        refusing.setattr(Shards, step, refused)
        for _ in range(2 * MOST_DEATHS):
            assert words in drain(settings, client, storage)["waiting"]
    assert client.exists(streams.lease(SHARD), streams.caution(SHARD)) == 0
    assert client.xlen(STREAM) == 1
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 1
    result = drain(settings, client, storage)
    assert result["recorded"] + result["repeated"] == 1
    assert dead_letters(storage) == []


@pytest.mark.parametrize("step", ["settle", "put"])
def test_what_redis_refuses_the_post_office_holds_up_no_events(
    settings: Settings, client: redis.Redis, storage: Storage, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    refused = 0

    def refuse(*_: object) -> None:
        nonlocal refused
        refused += 1
        raise redis.ResponseError("ERR The stream has exhausted the last possible ID, unable to add more items")

    sent = {"from_sandbox_id": "sb_1", "to_sandbox_ids": ["sb_2"], "message_type": "request", "content": 1}
    failed = {"to_sandbox_id": "sb_3", "reason": "no such sandbox"}
    add(client, raw("message.sent", data=sent), raw("message.failed", subject="m", data=failed), *created(3))
    with monkeypatch.context() as refusing:
        refusing.setattr(Inboxes, step, refuse)
        assert drain(settings, client, storage)["recorded"] >= 5
    assert refused == 1
    assert client.xlen(STREAM) == 0
    assert count(storage, "tasks") == 3
    assert dead_letters(storage) == []
    for _ in PostOffice(client, settings, storage).walk():
        pass
    assert client.xlen(streams.inbox("sb_2")) == 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_worker_mends_what_is_used_up_or_of_another_type(
    settings: Settings, client: redis.Redis, storage: Storage, start_worker: StartWorker
) -> None:
    client.xadd(streams.IDLE, {"shard": "all"}, id=LAST_ID)
    client.set(streams.stream(2), "no stream")
    start_worker()
    for shard in (4, 5):
        client.xadd(streams.stream(shard), {streams.FIELD: raw("task.created", subject=f"t{shard}")}, id=LAST_ID)
    wait_until(lambda: count(storage, "tasks") == 2, 30)
    wait_until(lambda: client.exists(*map(streams.stream, (2, 4, 5))) == 0, 30)
    for shard in (2, 4, 5):
        add(client, raw("task.created", subject=f"again{shard}"), shard=shard)
    wait_until(lambda: count(storage, "tasks") == 5, 30)
    assert client.get(f"ledger:strange:{streams.stream(2)}") == b"no stream"
