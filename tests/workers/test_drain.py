"""A drain: what it records, acknowledges and leaves, on real servers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import text

from domain import streams
from domain.settings import Settings
from storage.engine import make_engine
from storage.unit_of_work import Storage
from tests.builders import raw
from tests.conftest import settings_for
from tests.storage.recording import all_rows, count, dead_letters, differences
from workers.connections import connect
from workers.drain import Drain, DrainResult
from workers.lease import Lease
from workers.recorder import Recorder

SHARD = 3
STREAM = streams.stream(SHARD)


@pytest.fixture
def client(settings: Settings) -> Iterator[redis.Redis]:
    with closing(connect(settings)) as connected:
        yield connected


def drain(settings: Settings, client: redis.Redis, storage: Storage) -> DrainResult:
    return Drain(settings, client, storage, SHARD).run()


def add(client: redis.Redis, *events: bytes) -> list[Any]:
    return [client.xadd(STREAM, {streams.FIELD: event}) for event in events]


def test_entries_are_recorded_and_leave_the_stream(settings: Settings, client: redis.Redis, storage: Storage) -> None:
    add(client, raw("task.created", subject="t"), raw("task.started", subject="t"), b"rubbish")
    result = drain(settings, client, storage)
    assert (result["recorded"], result["repeated"], result["dead"]) == (2, 0, 1)
    assert client.xlen(STREAM) == 0
    assert client.xpending(STREAM, streams.GROUP)["pending"] == 0
    assert all_rows(storage)["tasks"]["t",]["status"] == "running"
    assert client.hgetall(streams.COUNTERS) == {b"recorded": b"2", b"dead": b"1"}


def test_what_another_drain_read_and_did_not_finish_is_recorded_first(
    settings: Settings, client: redis.Redis, storage: Storage
) -> None:
    client.xgroup_create(STREAM, streams.GROUP, id="0", mkstream=True)
    add(client, raw("task.created", subject="read"))
    client.execute_command("XREADGROUP", "GROUP", streams.GROUP, streams.CONSUMER, "STREAMS", STREAM, ">")
    add(client, raw("task.created", subject="new"))
    drain(settings, client, storage)
    assert count(storage, "tasks") == 2
    assert client.xlen(STREAM) == 0


def test_entries_that_somebody_deleted_after_they_were_read_hold_up_nothing(
    settings: Settings, client: redis.Redis, storage: Storage
) -> None:
    client.xgroup_create(STREAM, streams.GROUP, id="0", mkstream=True)
    (entry,) = add(client, raw("task.created", subject="gone"))
    client.execute_command("XREADGROUP", "GROUP", streams.GROUP, streams.CONSUMER, "STREAMS", STREAM, ">")
    client.xdel(STREAM, entry)
    add(client, raw("task.created", subject="there"))
    drain(settings, client, storage)
    assert list(all_rows(storage)["tasks"]) == [("there",)]
    assert client.xpending(STREAM, streams.GROUP)["pending"] == 0


def test_two_fields_of_one_name_are_a_dead_letter_with_both_values(
    settings: Settings, client: redis.Redis, storage: Storage
) -> None:
    client.execute_command("XADD", STREAM, "*", "event", raw("task.created"), "event", b"\xff second")
    assert drain(settings, client, storage)["dead"] == 1
    (letter,) = dead_letters(storage)
    assert letter.reason == "malformed_entry"
    assert b"task.created" in letter.raw
    assert b"second" in letter.raw


def test_a_shard_that_another_drain_has_is_left_alone(
    settings: Settings, client: redis.Redis, storage: Storage
) -> None:
    add(client, raw("task.created"))
    other = Lease(client, SHARD, 5)
    assert other.take()
    assert drain(settings, client, storage) == {"shard": SHARD, "busy": True}
    assert client.xlen(STREAM) == 1
    other.release()
    assert drain(settings, client, storage)["recorded"] == 1


def test_an_entry_that_comes_while_the_lease_is_given_up_is_seen(
    settings: Settings, client: redis.Redis, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = [raw("task.created", subject="late")]
    release = Lease.release

    def release_late(self: Lease) -> None:
        if late:
            add(client, late.pop())
        release(self)

    monkeypatch.setattr(Lease, "release", release_late)
    add(client, raw("task.created", subject="early"))
    assert drain(settings, client, storage)["recorded"] == 2


def test_a_turn_ends_and_tells_the_pumps(settings: Settings, client: redis.Redis, storage: Storage) -> None:
    short = settings.model_copy(update={"drain_seconds": 1e-9, "batch_entries": 2})
    add(client, *(raw("task.created", subject=f"t{place}") for place in range(5)))
    assert drain(short, client, storage)["recorded"] == 2
    assert client.xlen(STREAM) == 3
    idle: Any = client.xrange(streams.IDLE)
    ((_, fields),) = idle
    assert fields == {b"shard": str(SHARD).encode()}


def test_nothing_is_acknowledged_before_it_is_committed(
    settings: Settings, client: redis.Redis, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Recorder, "record", fail)
    add(client, raw("task.created"))
    with pytest.raises(KeyboardInterrupt):
        drain(settings, client, storage)
    assert client.xlen(STREAM) == 1
    assert client.xpending(STREAM, streams.GROUP)["pending"] == 1
    monkeypatch.undo()
    assert drain(settings, client, storage)["recorded"] == 1


def test_while_the_database_is_away_all_is_kept_and_the_shard_waits(
    redis_url: str, storage: Storage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_for(f"sqlite:///{tmp_path}/no/such/folder/ledger.db", redis_url)
    with closing(connect(settings)) as client, Storage(make_engine(settings)) as away:
        add(client, raw("task.created", subject="t"))
        for _ in range(3):
            assert "waiting" in drain(settings, client, away)
        assert client.xlen(STREAM) == 1
        assert 0 < client.pttl(streams.bell(SHARD)) <= 10_000
        assert len(caplog.records) == 1, "said once, not at every try"
        assert drain(settings, client, storage)["recorded"] == 1
        assert client.get(streams.failures(SHARD)) is None
        assert "records again" in caplog.records[-1].message
    assert differences(storage) == []


def test_a_missing_table_is_no_reason_to_bury_events(settings: Settings, client: redis.Redis, storage: Storage) -> None:
    """A worker that runs before its migration waits for it."""
    with storage.engine.begin() as connection:
        connection.execute(text("ALTER TABLE task_logs RENAME TO task_logs_away"))
    add(client, raw("task.logged", subject="t"))
    assert "waiting" in drain(settings, client, storage)
    with storage.engine.begin() as connection:
        connection.execute(text("ALTER TABLE task_logs_away RENAME TO task_logs"))
    assert drain(settings, client, storage)["recorded"] == 1
    assert dead_letters(storage) == []
