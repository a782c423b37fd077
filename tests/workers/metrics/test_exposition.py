"""The exposition tells what the tables and Redis hold, and the rest if one of them is away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest
import redis
from pydantic import SecretStr
from sqlalchemy import text

from flowledger.cli.embedded import free_port
from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.domain.times import now
from flowledger.storage import tables
from flowledger.storage.retention import rounds, sizes
from flowledger.storage.retention.rounds import Round
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.asides import Asides
from flowledger.workers.fuse import BY_FUSE
from flowledger.workers.metrics.exposition import Exposition
from flowledger.workers.metrics.seldom import Seldom
from flowledger.workers.pauses import Pause, Pauses
from tests.builders import raw
from tests.storage.recording import record
from tests.waiting import wait_until
from tests.workers.draining import add, created, drain
from tests.workers.metrics.scraping import counted, scraped


@pytest.fixture
def exposition(settings: Settings) -> Iterator[Exposition]:
    with closing(Exposition(settings)) as made:
        yield made


def test_counters_are_those_of_the_tables(
    settings: Settings, client: redis.Redis, storage: Storage, exposition: Exposition
) -> None:
    def dead_letters_are_told() -> bool:
        found = scraped(exposition).by("ledger_dead_letters_total", "reason")
        return found == counted(storage, tables.dead_letters.c.reason)

    assert scraped(exposition).by("ledger_events_total", "type") == {}
    for batch in (created(3), [raw("task.started"), b"rubbish"], [b"[]", raw("task.flown"), raw("task.started")]):
        add(client, *batch)
        drain(settings, client, storage)
        wait_until(dead_letters_are_told, what="the count of dead letters, which is asked for seldom,")
        found = scraped(exposition)
        assert found.by("ledger_events_total", "type") == counted(storage, tables.events.c.type)
    assert found.by("ledger_events_total", "type") == {"task.created": 3, "task.started": 2}
    assert found.by("ledger_entries_total", "outcome") == {"recorded": 5, "dead": 3}
    assert found.value("ledger_batch_entries_sum") == found.value("ledger_event_latency_seconds_count") == 8
    assert found.value("ledger_event_latency_seconds_bucket", le="+Inf") == 8
    assert found.value("ledger_commit_duration_seconds_count") == found.value("ledger_batch_entries_count") == 3
    assert (found.value("ledger_up", server="redis"), found.value("ledger_up", server="database")) == (1, 1)


def test_gauges_tell_what_waits_and_why(
    settings: Settings, client: redis.Redis, storage: Storage, exposition: Exposition
) -> None:
    record(storage, raw("message.sent", to_sandbox_ids=["b", "c"]))
    add(client, *created(4), shard=2)
    Pauses(client).pause([1], Pause.of("", "somebody"))
    Pauses(client).pause([5], Pause.of("", BY_FUSE))
    Asides(client).set_aside("/bad", "too bad", "somebody")
    client.set(streams.HOLD, "the database is away", px=60_000)
    found = scraped(exposition)
    assert found.by("ledger_backlog_entries", "shard") == {"2": 4}
    assert found.by("ledger_oldest_entry_age_seconds", "shard").keys() <= {"2"}
    assert found.by("ledger_shard_paused", "shard") == {"1": 1, "5": 1}
    assert found.by("ledger_shard_fuse_blown", "shard") == {"5": 1}
    assert found.by("ledger_deliveries", "status") == {"pending": 2}
    assert found.value("ledger_outbox_messages") == 2
    assert (found.value("ledger_held"), found.value("ledger_sources_set_aside")) == (1, 1)
    Pauses(client).pause([], Pause.of("", "somebody"))
    assert len(scraped(exposition).by("ledger_shard_paused", "shard")) == settings.shards
    client.delete(streams.PAUSED, streams.ASIDE)


def test_without_redis_the_rest_is_told(settings: Settings, storage: Storage) -> None:
    record(storage, raw("task.created"))
    away = settings.model_copy(update={"redis_url": SecretStr(f"redis://127.0.0.1:{free_port()}/0")})
    with closing(Exposition(away)) as exposition:
        found = scraped(exposition)
    assert (found.value("ledger_up", server="redis"), found.value("ledger_up", server="database")) == (0, 1)
    assert found.by("ledger_events_total", "type") == {"task.created": 1}
    assert "ledger_backlog_entries" not in found.labels()


def test_without_the_database_the_rest_is_told_and_later_all_of_it(
    settings: Settings, client: redis.Redis, storage: Storage, exposition: Exposition
) -> None:
    record(storage, raw("task.created"))
    add(client, *created(1), shard=0)
    with storage.writing() as connection:
        connection.execute(text("ALTER TABLE dead_letters RENAME TO away"))
    found = scraped(exposition)
    assert (found.value("ledger_up", server="redis"), found.value("ledger_up", server="database")) == (1, 0)
    assert found.by("ledger_backlog_entries", "shard") == {"0": 1}
    with storage.writing() as connection:
        connection.execute(text("ALTER TABLE away RENAME TO dead_letters"))
    found = scraped(exposition)
    assert found.value("ledger_up", server="database") == 1
    assert found.by("ledger_events_total", "type") == {"task.created": 1}


def test_while_the_journal_is_counted_for_the_first_time_the_rest_is_told(settings: Settings, storage: Storage) -> None:
    record(storage, raw("task.created"))
    with closing(Exposition(settings, patience_seconds=0.01)) as exposition:
        with exposition._database._events.turn(-1):
            found = scraped(exposition)
        assert "ledger_events_total" not in found.labels()
        assert found.value("ledger_up", server="database") == 1
        assert scraped(exposition).by("ledger_events_total", "type") == {"task.created": 1}


def test_what_is_wrong_with_a_server_is_told_by_its_setting(postgresql_storage: Storage, redis_url: str) -> None:
    """The tests' own PostgreSQL does not flush (tests/conftest.py)."""
    url = postgresql_storage.engine.url.render_as_string(hide_password=False)
    settings = Settings.load(database_url=SecretStr(url), redis_url=SecretStr(redis_url))
    with closing(Exposition(settings)) as exposition, postgresql_storage.reading():
        found = scraped(exposition)
    assert found.value("ledger_server_finding_info", server="database", setting="fsync", severity="warn") == 1
    assert found.value("ledger_server_findings", server="database", severity="warn") >= 1
    assert found.value("ledger_database_connections") >= 1
    assert found.value("ledger_database_connections_limit") > 10


def test_a_question_that_takes_long_is_asked_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    asked: list[float] = []
    monkeypatch.setattr("flowledger.workers.metrics.seldom.time.monotonic", lambda: now)

    def ask() -> float:
        nonlocal now
        asked.append(now)
        now += 2.0
        return now

    seldom: Seldom[float] = Seldom()
    for _ in range(50):
        seldom.get(ask)
        now += 1.0
    assert len(asked) == 2
    assert asked[1] - asked[0] >= 40


def test_growth_and_retention_are_told(settings: Settings, storage: Storage) -> None:
    at = now()
    with storage.writing() as connection:
        found = sizes.measure(connection)
        part, size = max(found.parts.items(), key=lambda one: one[1].bytes)
        sizes.keep(connection, {part: sizes.Size(size.bytes - 1_000, None)}, at - timedelta(hours=12))
        before = at - timedelta(hours=20)
        rounds.write(connection, Round(began_at=before, ended_at=before, steps=["texts"], waits={"texts": "a lock"}))
        rounds.write(connection, Round(role="worker", began_at=at, ended_at=at))
    with closing(Exposition(settings)) as exposition:
        told = {(one.name, *one.labels.values()): one.value for each in exposition.collect() for one in each.samples}
    assert told["ledger_size_bytes", part] >= size.bytes
    assert told["ledger_growth_bytes_per_day", part, "day"] >= 1_900
    assert told["ledger_retention_round_timestamp_seconds",] == pytest.approx(at.timestamp())
    assert told["ledger_retention_waits",] == 1
    assert told["ledger_holds",] == 0
    assert told["ledger_retention_late_seconds", "texts"] == 0
    if storage.engine.dialect.name == "postgresql":
        assert 28 * 86_400 <= told["ledger_partitions_ahead_seconds", "texts"] <= 35 * 86_400
