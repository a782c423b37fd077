"""The fuse and the pauses: a bad release buries little, and people can stop the recording of a shard."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
import redis

from flowledger.domain import streams
from flowledger.domain.envelope import Event
from flowledger.domain.settings import Settings
from flowledger.storage.engines.pipeline import Transaction
from flowledger.storage.kinds import transaction_of
from flowledger.storage.ledger.journal import COLUMNS
from flowledger.storage.unit_of_work import Storage
from flowledger.workers import recorder
from flowledger.workers.asides import Asides
from flowledger.workers.connections import connect
from flowledger.workers.drain import Drain
from flowledger.workers.fuse import Fuse
from flowledger.workers.pauses import Pause, Pauses
from flowledger.workers.sources import UNREADABLE
from flowledger.workers.turn import DrainResult
from tests.builders import raw
from tests.storage.recording import count, dead_letters, differences

SHARD = 3
STREAM = streams.stream(SHARD)
_TYPE = COLUMNS.index("type")


@pytest.fixture
def quick(settings: Settings) -> Settings:
    return settings.model_copy(update={"linger_seconds": 0.0, "fuse_entries": 10, "batch_entries": 7})


@pytest.fixture
def client(settings: Settings) -> Iterator[redis.Redis]:
    with closing(connect(settings)) as connected:
        yield connected


def drain(settings: Settings, client: redis.Redis, storage: Storage) -> DrainResult:
    return Drain(settings, client, storage, SHARD).run()


def add(client: redis.Redis, events: int, shard: int = SHARD) -> None:
    for place in range(events):
        client.xadd(streams.stream(shard), {streams.FIELD: raw("task.created", subject=f"t{shard}/{place}")})


def refused(made: Transaction) -> Transaction:
    """The same without the event's type, which may not be null."""
    assert made.journal is not None
    return made._replace(journal=(*made.journal[:_TYPE], None, *made.journal[_TYPE + 1 :]))


def test_few_among_many_do_not_blow_it() -> None:
    fuse = Fuse(10)
    for place in range(10_000):
        dead = place % 3 == 0
        assert not dead or fuse.allows_dead_letter()
        fuse.count(dead=dead)


def test_a_fault_of_ours_in_the_comparison_of_known_events_blows_it(
    quick: Settings, client: redis.Redis, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = [raw("task.created", subject=f"t{place}") for place in range(60)]
    for _ in range(2):
        drain(quick, client, storage)
        for one in events:
            client.xadd(STREAM, {streams.FIELD: one})

    def broken(*_: object) -> list[Event]:
        raise ArithmeticError("odd")

    with closing(connect(quick)) as other, monkeypatch.context() as bad:
        bad.setattr("flowledger.storage.ledger.journal.JournalRepository.conflicting", broken)
        drain(quick, other, storage)
    assert Pauses(client).all().keys() == {str(SHARD)}
    assert 0 < len(dead_letters(storage)) <= 2 * quick.fuse_entries + quick.batch_entries
    assert client.xlen(STREAM) == 60 - len(dead_letters(storage))


def test_zero_is_no_fuse() -> None:
    fuse = Fuse(0)
    for _ in range(1000):
        assert fuse.allows_dead_letter()
        fuse.count(dead=True)


def broken(*_: object) -> Transaction:
    raise KeyError("no such column")


@pytest.mark.parametrize("good_before", [0, 5, 100])
def test_a_release_that_fails_everything_buries_little_and_pauses_the_shard(
    quick: Settings, client: redis.Redis, storage: Storage, monkeypatch: pytest.MonkeyPatch, good_before: int
) -> None:
    add(client, good_before)
    drain(quick, client, storage)
    with monkeypatch.context() as bad_release:
        bad_release.setattr(recorder, "transaction_of", broken)
        for place in range(100):
            client.xadd(STREAM, {streams.FIELD: raw("task.created", subject=f"later{place}")})
        result = drain(quick, client, storage)
        assert 10 <= result["dead"] <= 20
        assert client.xlen(STREAM) == 100 - result["dead"]
        assert drain(quick, client, storage)["dead"] == 0, "paused"
    assert all("a fault of Flowledger" in letter.detail for letter in dead_letters(storage))
    pause = Pauses(client).all()[str(SHARD)]
    assert pause.by == "the fuse"
    assert "dead-letters" in pause.why
    Pauses(client).resume([SHARD], quick.shards)
    assert drain(quick, client, storage)["recorded"] == 100 - result["dead"]
    assert count(storage, "events") == good_before + 100 - result["dead"]
    assert differences(storage) == []


def test_what_the_database_refuses_one_by_one_blows_it_too(
    quick: Settings, client: redis.Redis, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = transaction_of

    def too_long(*arguments: object) -> Transaction:
        made = real(*arguments)  # type: ignore[arg-type]
        assert made.journal is not None
        return refused(made)

    monkeypatch.setattr(recorder, "transaction_of", too_long)
    add(client, 60)
    result = drain(quick, client, storage)
    assert 10 <= result["dead"] <= 20
    assert client.xlen(STREAM) == 60 - result["dead"]
    assert {letter.reason for letter in dead_letters(storage)} == {"unrecordable"}


def test_one_entry_that_the_database_refuses_among_rubbish_stops_no_shard(
    quick: Settings, client: redis.Redis, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rubbish blows the fuse of its source, and the batch is done again one by one, from the fuse's beginning."""
    real = transaction_of

    def refused_by_the_database(event: Event, *arguments: object) -> Transaction:
        made = real(event, *arguments)  # type: ignore[arg-type]
        assert made.journal is not None
        return refused(made) if event.subject.endswith("/0") else made

    monkeypatch.setattr(recorder, "transaction_of", refused_by_the_database)
    add(client, 1)
    for _ in range(20):
        client.xadd(STREAM, {streams.FIELD: b"rubbish"})
    large = quick.model_copy(update={"batch_entries": 100})
    assert drain(large, client, storage)["dead"] == 1 + 10, "one for the database, and as many as a fuse allows"
    assert client.xlen(STREAM) == 0
    assert Pauses(client).all() == {}
    (waiting,) = Asides(client).all()
    assert (waiting.source, waiting.entries) == (UNREADABLE, 10)


@pytest.mark.parametrize("most", [1, 2, 3, 10, 200])
@pytest.mark.parametrize("good_before", [0, 1, 7, 1000])
def test_at_most_twice_its_number_is_buried(most: int, good_before: int) -> None:
    fuse = Fuse(most)
    for _ in range(good_before):
        fuse.count(dead=False)
    buried = 0
    while fuse.allows_dead_letter():
        fuse.count(dead=True)
        buried += 1
        assert buried <= 2 * most


def test_a_paused_shard_waits_and_the_others_go_on(quick: Settings, client: redis.Redis, storage: Storage) -> None:
    add(client, 3)
    add(client, 2, shard=5)
    Pauses(client).pause([SHARD], Pause.of("a look at it", "Ada"))
    assert drain(quick, client, storage)["recorded"] == 2
    assert client.xlen(STREAM) == 3
    assert Pauses(client).all()[str(SHARD)].why == "a look at it"
    assert Pauses(client).resume([SHARD], quick.shards) == [str(SHARD)]
    assert drain(quick, client, storage)["recorded"] == 3


def test_all_shards_are_paused_and_one_of_them_resumed(quick: Settings, client: redis.Redis, storage: Storage) -> None:
    pauses = Pauses(client)
    pauses.pause([], Pause.of("no writes to the database", "Ada"))
    add(client, 1)
    add(client, 1, shard=5)
    assert drain(quick, client, storage)["recorded"] == 0
    pauses.resume([5], quick.shards)
    assert drain(quick, client, storage)["recorded"] == 1
    assert set(pauses.all()) == {str(shard) for shard in range(8) if shard != 5}
    pauses.resume([], quick.shards)
    assert pauses.all() == {}
    assert drain(quick, client, storage)["recorded"] == 1


def test_a_pause_that_was_set_by_hand_is_one(client: redis.Redis) -> None:
    client.hset(streams.PAUSED, mapping={"2": "because", "x": "a slip"})
    assert Pauses(client).all()["2"] == Pause("because", "unknown", "")
    assert Pauses(client).resume([], 8) == ["2", "x"]
