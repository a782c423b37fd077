"""What a drain leaves in the table `drains`, and that this never disturbs recording."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from types import SimpleNamespace

import pytest
import redis
from celery import Celery
from sqlalchemy import text

from flowledger.domain import streams
from flowledger.domain.records import DrainRecord
from flowledger.domain.settings import Settings
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.ledger.drains import DrainRepository
from flowledger.storage.unit_of_work import Storage
from flowledger.workers import bootstep, turn
from flowledger.workers.connections import connect
from flowledger.workers.drain import Drain
from flowledger.workers.entries import Entry
from flowledger.workers.recorder import Recorded
from flowledger.workers.turn import Turns
from tests.builders import raw
from tests.conftest import settings_for
from tests.storage.recording import count
from tests.workers.draining import SHARD, add, created, drain


def rows(storage: Storage) -> list[DrainRecord]:
    """All rows, the oldest first."""
    with storage.reading() as connection:
        return [*reversed(DrainRepository(connection).newest(limit=1000).items)]


@contextmanager
def table_away(storage: Storage) -> Iterator[None]:
    """While this lasts, nobody can write rows of drains; events can be recorded."""
    with storage.writing() as connection:
        connection.execute(text("ALTER TABLE drains RENAME TO away"))
    try:
        yield
    finally:
        with storage.writing() as connection:
            connection.execute(text("ALTER TABLE away RENAME TO drains"))


def test_a_turn_leaves_a_row_with_counts_and_measures(
    settings: Settings, client: redis.Redis, storage: Storage
) -> None:
    add(client, *created(40), b"rubbish")
    begun = Turns(storage).begin("celery-1", "one@host")
    result = Drain(settings.model_copy(update={"linger_seconds": 0.0}), client, storage, SHARD, turn=begun).run()
    (row,) = rows(storage)
    assert (row.id, row.worker, row.shards, row.why) == ("celery-1", "one@host", [SHARD], None)
    assert (row.recorded, row.repeated, row.dead) == (result["recorded"], result["repeated"], result["dead"])
    assert row.started_at < row.ended_at
    batches = row.measures["batch_entries"]
    assert batches["sum"] == 41
    assert sum(row.measures["commit_seconds"]["counts"].values()) == sum(batches["counts"].values())
    assert sum(row.measures["latency_seconds"]["counts"].values()) == 41
    assert 0 < row.measures["latency_seconds"]["sum"] < 41 * 60


def test_a_turn_with_nothing_to_do_leaves_none(settings: Settings, client: redis.Redis, storage: Storage) -> None:
    drain(settings, client, storage)
    assert rows(storage) == []


def test_a_turn_that_waited_says_why(settings: Settings, client: redis.Redis, storage: Storage) -> None:
    add(client, raw("task.created"))
    client.set(streams.HOLD, "the database is away", px=60_000)
    drain(settings, client, storage)
    (row,) = rows(storage)
    assert (row.recorded, row.why) == (0, "the database is away")


def test_rows_that_cannot_be_written_wait_for_the_next_turn(
    settings: Settings, client: redis.Redis, storage: Storage
) -> None:
    turns = Turns(storage)
    quick = settings.model_copy(update={"linger_seconds": 0.0})
    with table_away(storage):
        add(client, *created(3))
        assert Drain(quick, client, storage, SHARD, turn=turns.begin("first")).run()["recorded"] == 3
    assert rows(storage) == []
    assert count(storage, "events") == 3
    add(client, *created(2, "u"))
    Drain(quick, client, storage, SHARD, turn=turns.begin("second")).run()
    assert [(row.id, row.recorded) for row in rows(storage)] == [("first", 3), ("second", 2)]


def test_a_process_keeps_the_first_rows_of_a_time_without_the_table_and_says_so(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(turn, "_MOST_KEPT", 2)
    turns = Turns(storage)
    with table_away(storage):
        for number in range(4):
            turns.begin(f"turn-{number}").end("something")
    turns.begin("last").end("something")
    assert [row.id for row in rows(storage)] == ["turn-0", "turn-1", "last"]
    assert "the table drains will lack some drains, because it cannot be written" in caplog.text


def test_a_locked_table_holds_up_no_drain_for_long(postgresql_url: str, redis_url: str) -> None:
    settings = settings_for(postgresql_url, redis_url)
    with closing(connect(settings)) as client, Storage(make_engine(settings)) as storage:
        add(client, raw("task.created"))
        with storage.writing() as connection:
            connection.execute(text("LOCK TABLE drains IN ACCESS EXCLUSIVE MODE"))
            began = time.monotonic()
            assert drain(settings, client, storage)["recorded"] == 1
            assert time.monotonic() - began < 5


def test_an_id_that_a_producer_chose_is_no_time(storage: Storage) -> None:
    begun = Turns(storage).begin()
    entries = (Entry("5-1", ()), Entry("18446744073709551615-1", ()), Entry(f"{time.time_ns() // 1_000_000}-0", ()))
    begun.add({1}, Recorded(3, entries=entries))
    begun.end("")
    (row,) = rows(storage)
    assert sum(row.measures["latency_seconds"]["counts"].values()) == 2
    assert row.measures["latency_seconds"]["sum"] < 60


def test_a_drain_of_the_pump_bears_the_name_of_its_worker() -> None:
    celery = Celery(set_as_current=False)
    seen: list[tuple[int, str | None]] = []

    @celery.task(name="tests.drain")  # type: ignore[untyped-decorator]
    def task(shard: int) -> None:
        seen.append((shard, task.request.hostname))

    bootstep.drain_here(SimpleNamespace(tasks={"ledger.drain": task}), "one@host")(3)
    task(4)
    assert seen == [(3, "one@host"), (4, None)]
