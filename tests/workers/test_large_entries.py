"""Entries of any size: they take bounded memory, hold up nobody, and leave their beginning, size and hash."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from contextlib import closing

import pytest
import redis

from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.entries import KEPT_BYTES, Cut
from flowledger.workers.shards import Shards
from tests.builders import raw
from tests.storage.recording import count, dead_letters
from tests.waiting import wait_until
from tests.workers.conftest import StartWorker
from tests.workers.draining import SHARD, STREAM, add, created, drain

MEBIBYTE = 2**20


def xadd(client: redis.Redis, *fields: bytes, shard: int = SHARD) -> None:
    client.execute_command("XADD", streams.stream(shard), "*", *fields)


def large_fields(mebibytes: int) -> list[bytes]:
    """Several fields of some MiB each, none of them called `event`."""
    return [part for place in range(mebibytes // 2) for part in (b"field%d" % place, bytes([place]) * 2 * MEBIBYTE)]


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param([b"event", b'{"a":"' + b"x" * 20 * MEBIBYTE + b'"}'], id="event"),
        pytest.param([b"e", b"x" * 17 * MEBIBYTE], id="another field"),
        pytest.param(large_fields(20), id="many fields"),
    ],
)
def test_a_large_entry_leaves_its_beginning_size_and_hash(
    settings: Settings, client: redis.Redis, storage: Storage, fields: list[bytes]
) -> None:
    add(client, *created(3, "before"))
    xadd(client, *fields)
    add(client, *created(3, "after"))
    while client.xlen(STREAM):
        drain(settings, client, storage)
    assert count(storage, "tasks") == 6
    whole = fields[1] if len(fields) == 2 else b"".join(fields)
    (letter,) = dead_letters(storage)
    assert letter.raw == whole[:KEPT_BYTES]
    assert letter.reason == "too_large"
    assert f"{len(whole):,} bytes" in letter.detail
    assert hashlib.sha256(whole).hexdigest() in letter.detail
    assert "LEDGER_MAX_DEAD_LETTER_BYTES" in letter.detail


def test_an_entry_within_the_bound_is_kept_whole(settings: Settings, client: redis.Redis, storage: Storage) -> None:
    body = b"x" * (settings.max_entry_bytes - 1000)
    add(client, body, *created(1))
    while client.xlen(STREAM):
        drain(settings, client, storage)
    (letter,) = dead_letters(storage)
    assert letter.raw == body
    assert count(storage, "tasks") == 1


def test_an_event_is_recorded_however_large_the_settings_allow_it(
    settings: Settings, client: redis.Redis, storage: Storage
) -> None:
    wide = settings.model_copy(update={"max_event_bytes": 24 * MEBIBYTE})
    add(client, raw("task.created", subject="large", data={"input": "x" * 20 * MEBIBYTE}))
    assert drain(wide, client, storage)["recorded"] == 1
    assert dead_letters(storage) == []


def test_a_large_entry_is_taken_alone_and_others_by_another_drain(settings: Settings, client: redis.Redis) -> None:
    xadd(client, *large_fields(20))
    for shard in range(8):
        if shard != SHARD:
            add(client, *created(2), shard=shard)
    first = Shards(client, settings, SHARD).take()
    assert (first.entries, [*first.fuses]) == ([], [SHARD])
    second = Shards(client, settings, SHARD + 1).take()
    assert len(second.entries) == 14


def test_a_large_entry_behind_others_is_not_read_with_them(settings: Settings, client: redis.Redis) -> None:
    shards = Shards(client, settings, SHARD)
    add(client, *created(30))
    xadd(client, *large_fields(20))
    add(client, *created(30, "behind"))
    taken = shards.take()
    assert taken.large is not None
    entries = shards.read(taken).entries
    cut = [entry for entry in entries if isinstance(entry.cut, Cut)]
    assert len(cut) == 1
    assert all(len(entry.fields) == 2 for entry in entries if entry.cut is None)


def test_a_backlog_of_small_entries_is_read_in_the_quick_way(settings: Settings, client: redis.Redis) -> None:
    with client.pipeline(transaction=False) as pipeline:
        for place in range(45_000):
            pipeline.xadd(STREAM, {streams.FIELD: b"%400d" % place})
        pipeline.execute()
    assert (client.memory_usage(STREAM) or 0) > 16 * MEBIBYTE
    taken = Shards(client, settings, SHARD).take()
    assert taken.large is None
    assert len(taken.entries) == settings.batch_entries


READING = """
import resource, sys
from flowledger.domain.settings import Settings
from flowledger.workers.connections import connect
client = connect(Settings.load(), most_bytes=16 * 2**20)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for command in (("XRANGE", "ledger:events:0", "-", "+"), ("XREAD", "COUNT", 1, "STREAMS", "ledger:events:0", "0")):
    client.execute_command(*command)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize("fields", [[b"e", b"x" * 96 * MEBIBYTE], large_fields(96)])
def test_what_is_read_takes_bounded_memory(redis_url: str, fields: list[bytes]) -> None:
    with closing(redis.Redis.from_url(redis_url)) as client:
        client.execute_command("XADD", streams.stream(0), "*", *fields)
    ended = subprocess.run(
        [sys.executable, "-c", READING], env={"REDIS_URL": redis_url}, capture_output=True, text=True, check=True
    )
    assert int(ended.stdout) < 100, "MiB"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_worker_outlives_large_entries_and_records_the_others(
    settings: Settings, client: redis.Redis, storage: Storage, start_worker: StartWorker
) -> None:
    start_worker()
    for shard in range(4):
        xadd(client, *large_fields(48), shard=shard)
        add(client, *created(5, f"t{shard}/"), shard=shard)
    wait_until(lambda: count(storage, "tasks") == 20 and len(dead_letters(storage)) == 4, 60)
    assert all(len(letter.raw) == KEPT_BYTES for letter in dead_letters(storage))
    assert client.exists(*(streams.stream(shard) for shard in range(4))) == 0 or all(
        client.xlen(streams.stream(shard)) == 0 for shard in range(4)
    )
