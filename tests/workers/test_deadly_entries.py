"""Drains that die: an entry that kills its readers is found and buried, and no other is taken for it."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from flowledger.domain import streams
from flowledger.domain.limits import Limits
from flowledger.domain.settings import Settings
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.entries import MOST_DEATHS, Entry
from flowledger.workers.recorder import Recorder
from flowledger.workers.shards import Shards
from tests.builders import raw
from tests.storage.recording import count, dead_letters
from tests.waiting import wait_until
from tests.workers.draining import SHARD, STREAM, add, created, drain


def test_an_entry_that_kills_its_readers_is_buried_and_the_rest_recorded(
    settings: Settings, client: redis.Redis, storage: Storage
) -> None:
    """Readers that die leave their leases; each next one takes half, until the deadly entry stands alone."""
    deadly = b"deadly"
    add(client, *created(3), deadly, *created(3, "later"))
    deaths = 0
    while client.xlen(STREAM):
        shards = Shards(client, settings, SHARD)
        taken = shards.take()
        if any(entry.fields[1] == deadly and entry.deaths < MOST_DEATHS for entry in taken.entries):
            deaths += 1
            client.delete(streams.lease(SHARD))
            assert deaths < 50
        else:
            outcome = Recorder(storage, settings.limits).record(taken.entries, taken.fuses)
            shards.done(taken, outcome)
    assert count(storage, "tasks") == 6
    (letter,) = dead_letters(storage)
    assert deadly in letter.raw
    assert "workers died" in letter.detail
    for event in created(8, "after"):
        add(client, event)
        drain(settings, client, storage)
    assert client.exists(streams.caution(SHARD)) == 0, "with each batch that ends well the caution wears off"


def test_a_deadly_entry_is_buried_without_a_look_at_it(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> None:
        raise AssertionError("it was read")

    monkeypatch.setattr("flowledger.workers.recorder.parse", die)
    monkeypatch.setattr("flowledger.workers.entries.json_text.loads", die)
    entry = Entry("1-0", [streams.FIELD.encode(), raw("task.created")], SHARD, MOST_DEATHS)
    assert Recorder(storage, Limits()).record([entry]).dead == 1


def test_a_deadly_entry_is_not_held_against_those_of_other_shards(
    settings: Settings, client: redis.Redis, storage: Storage
) -> None:
    deadly = b"deadly"
    add(client, deadly)
    for shard in range(8):
        add(client, *created(3, f"{shard}/"), shard=shard)
    deaths = called = 0
    while any(client.xlen(streams.stream(shard)) for shard in range(8)):
        shards, called = Shards(client, settings, called), (called + 1) % 8
        taken = shards.take()
        if any(entry.fields[1] == deadly and entry.deaths < MOST_DEATHS for entry in taken.entries):
            deaths += 1
            client.delete(*map(streams.lease, range(8)))
            assert deaths < 100
        else:
            shards.done(taken, Recorder(storage, settings.limits).record(taken.entries, taken.fuses))
    assert count(storage, "tasks") == 24
    (letter,) = dead_letters(storage)
    assert deadly in letter.raw


def test_who_waits_for_the_database_was_not_killed_by_an_entry(settings: Settings, client: redis.Redis) -> None:
    """Drains that are killed while a table is locked, again and again, must not get a healthy entry buried."""
    short = settings.model_copy(update={"lease_seconds": 1.0, "batch_entries": 1})
    add(client, raw("task.created"))
    for _ in range(MOST_DEATHS + 1):
        waiting = Shards(client, short, SHARD)
        taken = waiting.take()
        (entry,) = taken.entries
        assert entry.deaths == 0
        with waiting.kept(taken):
            wait_until(lambda: not client.hexists(streams.caution(SHARD), "deaths"))
        client.delete(streams.lease(SHARD))


def test_a_fault_of_our_own_in_a_batch_holds_the_drains_and_buries_nothing(
    settings: Settings,
    client: redis.Redis,
    storage: Storage,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object) -> None:
        raise TypeError("with a secret in it")

    add(client, raw("task.created"))
    with monkeypatch.context() as broken:
        broken.setattr(Recorder, "_record", fail)
        for _ in range(3 * MOST_DEATHS):
            assert "TypeError at test_deadly_entries.py" in drain(settings, client, storage)["waiting"]
            client.delete(streams.HOLD)
    assert len(caplog.records) == 1
    assert "secret" not in caplog.text
    assert drain(settings, client, storage)["recorded"] == 1
    assert dead_letters(storage) == []


def test_a_connection_that_is_cut_is_no_death_and_no_traceback(
    settings: Settings, client: redis.Redis, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = Shards.take

    def reply_lost(self: Shards) -> Any:
        take(self)
        raise redis.ConnectionError("cut")

    add(client, raw("task.created"))
    with monkeypatch.context() as cut:
        cut.setattr(Shards, "take", reply_lost)
        assert drain(settings, client, storage)["waiting"] == "the broker: ConnectionError"
    assert client.exists(streams.lease(SHARD), streams.caution(SHARD)) == 0
    assert drain(settings, client, storage)["recorded"] == 1
