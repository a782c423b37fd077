"""A drain: what it records, acknowledges and leaves, on real servers."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import text

from flowledger.cli.embedded import embedded_valkey_server
from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.unit_of_work import Storage
from flowledger.workers import app
from flowledger.workers.connections import connect
from flowledger.workers.drain import Drain
from flowledger.workers.recorder import Recorded, Recorder
from flowledger.workers.shards import Shards
from flowledger.workers.turn import DrainResult
from tests.builders import raw
from tests.conftest import settings_for
from tests.storage.recording import all_rows, count, dead_letters, differences
from tests.waiting import wait_until
from tests.workers.draining import SHARD, STREAM, add, created, drain


def test_entries_are_recorded_and_leave_the_stream(settings: Settings, client: redis.Redis, storage: Storage) -> None:
    add(client, raw("task.created", subject="t"), raw("task.started", subject="t"), b"rubbish")
    result = drain(settings, client, storage)
    assert (result["shards"], result["recorded"], result["repeated"], result["dead"]) == ([SHARD], 2, 0, 1)
    assert client.xlen(STREAM) == 0
    assert all_rows(storage)["tasks"]["t",]["status"] == "running"
    assert client.hgetall(streams.COUNTERS) == {b"recorded": b"2", b"dead": b"1"}
    assert client.get(streams.lease(SHARD)) is None


def test_one_batch_holds_what_waits_on_all_shards(settings: Settings, client: redis.Redis, storage: Storage) -> None:
    for shard in range(8):
        add(client, raw("task.created", subject=f"t{shard}"), shard=shard)
    result = drain(settings, client, storage)
    assert (result["shards"], result["recorded"]) == (list(range(8)), 8)


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
    other = Shards(client, settings, SHARD)
    taken = other.take()
    assert len(taken.entries) == 1
    assert drain(settings, client, storage)["recorded"] == 0
    assert client.xlen(STREAM) == 1
    other.done(taken, Recorded())
    assert drain(settings, client, storage)["recorded"] == 1


def test_a_lease_is_kept_while_a_batch_takes_its_time(settings: Settings, client: redis.Redis) -> None:
    short = settings.model_copy(update={"lease_seconds": 0.3})
    add(client, raw("task.created"))
    slow, other = Shards(client, short, SHARD), Shards(client, short, SHARD)
    taken = slow.take()
    with slow.kept(taken):
        first = client.pttl(streams.lease(SHARD))
        wait_until(lambda: client.pttl(streams.lease(SHARD)) < first)
        wait_until(lambda: client.pttl(streams.lease(SHARD)) > first - 50, what="the lease renewed")
        assert not other.take().entries
    wait_until(lambda: bool(other.take().entries), what="the lease to run out, for the drain that had it ended")


def test_a_lease_that_somebody_else_has_meanwhile_is_left_to_him(
    settings: Settings, client: redis.Redis, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = Recorder.record

    def record_slowly(*arguments: Any) -> Recorded:
        client.set(streams.lease(SHARD), "another", ex=60)
        return record(*arguments)

    monkeypatch.setattr(Recorder, "record", record_slowly)
    add(client, raw("task.created"))
    assert drain(settings, client, storage)["recorded"] == 1
    assert client.get(streams.lease(SHARD)) == b"another"


def test_an_entry_that_comes_before_the_leases_are_given_back_is_seen(
    settings: Settings, client: redis.Redis, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = [raw("task.created", subject="late")]
    done = Shards.done

    def done_late(*arguments: Any, **named: Any) -> Any:
        if late:
            add(client, late.pop())
        return done(*arguments, **named)

    monkeypatch.setattr(Shards, "done", done_late)
    add(client, raw("task.created", subject="early"))
    assert drain(settings, client, storage)["recorded"] == 2


def test_a_drain_with_nothing_left_waits_for_what_comes_next(
    settings: Settings, client: redis.Redis, storage: Storage
) -> None:
    results: list[DrainResult] = []
    turn = settings.model_copy(update={"drain_seconds": 1.0})
    thread = threading.Thread(target=lambda: results.append(drain(turn, client, storage, linger=60)))
    stopped = settings.model_copy(update={"drain_seconds": 0.001})
    thread.start()
    wait_until(lambda: client.exists(streams.WATCH) == 1)
    assert Drain(stopped, client, storage, SHARD).run()["recorded"] == 0, "one drain is enough to wait"
    add(client, raw("task.created", subject="t"), shard=5)
    wait_until(lambda: count(storage, "tasks") == 1)
    thread.join(30)
    assert results[0]["recorded"] == 1
    assert client.get(streams.WATCH) is None


def test_who_waits_sees_what_comes_to_shards_that_another_drain_had(
    settings: Settings, client: redis.Redis, storage: Storage
) -> None:
    """Measured: a second's stall, where the one that waits watched only the shards that were empty when it began."""
    add(client, raw("task.created", subject="first"))
    busy, waiting = Shards(client, settings, SHARD), Shards(client, settings, SHARD)
    batch = busy.take()
    watch = waiting.take()
    assert SHARD not in watch.empty
    outcome = Recorder(storage, settings.limits).record(batch.entries, batch.fuses)
    busy.done(batch, outcome)
    assert not busy.take().idle_after, "another has the watch"
    busy.leave()
    began = time.monotonic()
    waiting.wait(watch)
    assert time.monotonic() - began < 0.9, "told, not timed out"
    assert SHARD in waiting.take().empty


def test_a_drain_ends_when_its_worker_does(settings: Settings, client: redis.Redis, storage: Storage) -> None:
    patient = settings.model_copy(update={"linger_seconds": 60.0, "drain_seconds": 60.0, "batch_entries": 2})
    add(client, *created(5))
    assert Drain(patient, client, storage, SHARD, is_stopping=lambda: True).run()["recorded"] == 2
    assert client.xlen(STREAM) == 3


def test_a_turn_ends_and_tells_the_pumps(settings: Settings, client: redis.Redis, storage: Storage) -> None:
    short = settings.model_copy(update={"drain_seconds": 1e-9, "batch_entries": 2})
    add(client, *created(5))
    assert drain(short, client, storage)["recorded"] == 2
    assert client.xlen(STREAM) == 3
    assert client.xlen(streams.IDLE) == 1


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
    monkeypatch.undo()
    client.delete(streams.lease(SHARD))
    assert drain(settings, client, storage)["recorded"] == 1


def test_large_entries_are_taken_few_at_a_time(settings: Settings, client: redis.Redis) -> None:
    add(client, *[b"x" * 4_000_000] * 6)
    shards = Shards(client, settings, SHARD)
    assert len(shards.read(shards.take()).entries) == 5, "one, then four: more than a batch holds"


def test_a_process_forked_later_has_connections_of_its_own(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, redis_url: str, database_url: str
) -> None:
    """The pump may drain in the parent, before a child is forked."""
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("DATABASE_URL", database_url)
    mine = app.process()
    assert app.process() is mine
    monkeypatch.setattr("os.getpid", lambda: -1)
    assert app.process().storage.engine is not mine.storage.engine
    app._process_of.cache_clear()


def test_while_the_database_is_away_all_is_kept_and_drains_are_held(
    redis_url: str, storage: Storage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_for(f"sqlite:///{tmp_path}/no/such/folder/ledger.db", redis_url)
    with closing(connect(settings)) as client, Storage(make_engine(settings)) as away:
        add(client, raw("task.created", subject="t"))
        for _ in range(3):
            assert "waiting" in drain(settings, client, away)
            assert 0 < client.pttl(streams.HOLD) <= 5_000
            assert "waiting" in drain(settings, client, storage), "nobody asks the database before the time is over"
            client.delete(streams.HOLD)
        assert client.xlen(STREAM) == 1
        assert len(caplog.records) == 1, "said once, not at every try"
        assert drain(settings, client, storage)["recorded"] == 1
        assert client.get(streams.FAILURES) is None
        assert "the database is back" in caplog.records[-1].message
    assert differences(storage) == []


def test_what_was_recorded_before_the_database_went_away_says_not_that_it_is_back(
    settings: Settings, client: redis.Redis, storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    """Another drain finds the database away while this one is about to acknowledge: it waits, and that is said once."""
    add(client, raw("task.created", subject="early"))
    shards = Shards(client, settings, SHARD)
    taken = shards.take()
    outcome = Recorder(storage, settings.limits).record(taken.entries, taken.fuses, taken.sources)
    assert Shards(client, settings, SHARD).hold([], "away", 5.0) == 1
    assert shards.done(taken, outcome)[0] == 0
    client.delete(streams.HOLD)
    assert client.get(streams.FAILURES) == b"1"
    add(client, raw("task.created", subject="late"))
    assert drain(settings, client, storage)["recorded"] == 1
    assert [one.message for one in caplog.records] == ["the database is back, after 1 try"]


def test_a_missing_table_is_no_reason_to_bury_events(settings: Settings, client: redis.Redis, storage: Storage) -> None:
    """A worker that runs before its migration waits for it."""
    with storage.engine.begin() as connection:
        connection.execute(text("ALTER TABLE task_logs RENAME TO task_logs_away"))
    add(client, raw("task.logged", subject="t"))
    assert "waiting" in drain(settings, client, storage)
    with storage.engine.begin() as connection:
        connection.execute(text("ALTER TABLE task_logs_away RENAME TO task_logs"))
    client.delete(streams.HOLD)
    assert drain(settings, client, storage)["recorded"] == 1
    assert dead_letters(storage) == []


def test_a_broker_that_lost_its_data_is_told_of_once(
    settings: Settings, client: redis.Redis, storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    for event in created(2):
        add(client, event)
        drain(settings, client, storage)
    assert caplog.records == [], "a new broker is nothing to worry about"
    client.flushdb()
    for event in created(2, "later"):
        add(client, event)
        assert drain(settings, client, storage)["recorded"] == 1
    assert [record.message.partition(":")[0] for record in caplog.records] == ["the broker has lost its data"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_broker_whose_memory_is_full_drains_all_the_same(
    settings: Settings, storage: Storage, tmp_path: Path, database_url: str
) -> None:
    with embedded_valkey_server(tmp_path / "valkey") as broker:
        own = settings_for(database_url, broker.url)
        with closing(connect(own)) as client:
            add(client, *created(20))
            client.config_set("maxmemory", 1)
            with pytest.raises(redis.OutOfMemoryError):
                add(client, raw("task.created"))
            assert drain(own, client, storage)["recorded"] == 20
            assert client.xlen(STREAM) == 0
