"""A ledger and its broker: each told from another's, and from an earlier state of itself."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import redis
from sqlalchemy import text, update

from flowledger.cli.embedded import embedded_valkey_server
from flowledger.domain import streams
from flowledger.domain.errors import BrokerUnsettled, ForeignBroker
from flowledger.domain.settings import Settings
from flowledger.storage import tables
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.unit_of_work import Storage
from flowledger.workers import bond
from flowledger.workers.bond import Bond
from flowledger.workers.connections import connect
from flowledger.workers.drain import Drain
from flowledger.workers.watch import Watch, check_at_start
from tests.conftest import settings_for
from tests.storage.recording import all_rows, by_hand
from tests.waiting import wait_until
from tests.workers.bonds import alarms, go_back, ledger_of
from tests.workers.conftest import StartWorker
from tests.workers.draining import SHARD, STREAM, add, created, drain
from tests.workers.office import Office, message


@pytest.fixture
def other(sqlite_template: Path, tmp_path: Path, settings: Settings) -> Iterator[tuple[Settings, Storage]]:
    """Another ledger on the same Redis."""
    shutil.copyfile(sqlite_template, tmp_path / "other.db")
    own = settings_for(f"sqlite:///{tmp_path / 'other.db'}", settings.redis_url.get_secret_value())  # type: ignore[union-attr]
    with Storage(make_engine(own)) as storage:
        by_hand(storage, update(tables.ledger).values(id="another"))
        yield own, storage


@contextmanager
def second_redis(settings: Settings, folder: Path) -> Iterator[tuple[Settings, redis.Redis]]:
    """Another Redis, beside the one that the ledger has."""
    with embedded_valkey_server(folder / "second") as server:
        own = settings_for(settings.database_url.get_secret_value(), server.url)  # type: ignore[union-attr]
        with closing(connect(own)) as client:
            yield own, client


# --- two services on one Redis


def test_a_second_ledger_takes_nothing_and_names_both(
    settings: Settings, client: redis.Redis, storage: Storage, other: tuple[Settings, Storage]
) -> None:
    add(client, *created(1))
    assert drain(settings, client, storage)["recorded"] == 1
    add(client, *created(2))
    before = {key: client.dump(key) for key in client.scan_iter()}
    result = drain(other[0], client, other[1])
    assert result["recorded"] == 0
    for known in (ledger_of(storage).id, "another", "redis://127.0.0.1", "other.db", "flowledger adopt --from"):
        assert known in result["waiting"]
    assert {key: client.dump(key) for key in client.scan_iter()} == before, "nothing of the other's is touched"
    with pytest.raises(ForeignBroker, match="another ledger"):
        check_at_start(other[0])
    assert drain(settings, client, storage)["recorded"] == 2


def test_passwords_are_not_told(settings: Settings, client: redis.Redis, storage: Storage) -> None:
    client.set(streams.BROKER, "another 1 mark")
    secret = settings_for(
        "postgresql://me:s3cret@db.example/x?password=s3cret", "redis://u:s3cret@127.0.0.1:1/0?x=s3cret"
    )
    with pytest.raises(ForeignBroker) as raised:
        Bond(client, secret, storage).meet()
    assert "s3cret" not in str(raised.value)
    assert "db.example" in str(raised.value)


def test_who_runs_already_stops_at_its_next_take_when_another_ledger_adopts_its_redis(
    settings: Settings, client: redis.Redis, storage: Storage, other: tuple[Settings, Storage]
) -> None:
    mine = Bond(client, settings, storage)
    mine.meet()
    with pytest.raises(ForeignBroker, match="adopt --from"):
        Bond(client, *other).adopt()
    assert Bond(client, *other).adopt(ledger_of(storage).id) == ("another", ledger_of(storage).id)
    add(client, *created(1))
    assert "another ledger" in drain(settings, client, storage)["waiting"]
    assert drain(other[0], client, other[1])["recorded"] == 1


def test_a_watch_tells_the_worker_to_end_when_its_redis_is_another_ledgers(
    settings: Settings, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.set(streams.BROKER, "another 1 mark")
    told: list[str] = []
    watch = Watch(settings, told.append)
    watch.start()
    watch._thread.join(20)
    assert "another ledger" in told[0]


# --- two Redis for one database


def test_a_second_redis_is_refused_while_the_first_is_served(
    settings: Settings, client: redis.Redis, storage: Storage, tmp_path: Path
) -> None:
    watch = Watch(settings, lambda _: None)
    watch.look()
    with second_redis(settings, tmp_path) as (own, second):
        newcomer = Bond(second, own, storage)
        with pytest.raises(BrokerUnsettled):
            newcomer.meet()
        client.delete(streams.BEAT)  # a few seconds later
        watch.look()
        with pytest.raises(BrokerUnsettled):
            newcomer.meet()  # that beat may have been under way already
        client.delete(streams.BEAT)
        watch.look()
        with pytest.raises(ForeignBroker, match="that is another Redis"):
            newcomer.meet()
        assert second.get(streams.BROKER) is None
    watch.close()


def test_a_redis_in_the_place_of_one_that_nobody_serves_is_taken_and_told_of(
    settings: Settings,
    client: redis.Redis,
    storage: Storage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    Bond(client, settings, storage).meet()
    monkeypatch.setattr(bond, "GONE_SECONDS", 0.0)
    with second_redis(settings, tmp_path) as (own, second):
        Bond(second, own, storage).meet()
        assert alarms(caplog) == ["the broker has lost its data"]
        with pytest.raises(ForeignBroker, match="that is another Redis"):
            Bond(client, settings, storage).meet()  # whoever serves the first is told
        Bond(client, settings, storage).adopt()
        Bond(client, settings, storage).meet()
        with pytest.raises(ForeignBroker):
            Bond(second, own, storage).meet()


# --- an earlier state


def test_a_restored_database_is_told_of_with_the_first_batch_after_it(
    settings: Settings, client: redis.Redis, storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    mine = Bond(client, settings, storage)

    def record(name: str) -> int:
        add(client, *created(1, name))
        own = settings.model_copy(update={"linger_seconds": 0.0})
        return Drain(own, client, storage, SHARD, bond=mine).run()["recorded"]

    for place in range(3):
        record(f"t{place}")
    go_back(storage, batches=2, broker=ledger_of(storage).broker)  # one batch is missing, no more
    assert record("later") == 1
    assert alarms(caplog) == ["the database has gone back to an earlier state, of no known time or a few seconds later"]
    assert "the database has gone back" in (ledger_of(storage).alarm or "")
    assert [record(f"t{place}") for place in range(3)] == [1, 1, 1], "published again, they are recorded again"
    assert len(alarms(caplog)) == 1
    assert len(all_rows(storage)["tasks"]) == 4


def test_a_restored_database_is_told_of_by_a_watch_where_nothing_comes(
    settings: Settings, client: redis.Redis, storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    for place in range(3):
        add(client, *created(1, f"t{place}"))
        drain(settings, client, storage)
    go_back(storage, batches=1, broker=ledger_of(storage).broker)
    watch = Watch(settings, lambda _: None)
    watch.look()
    watch.look()
    watch.close()
    assert [alarm.partition(",")[0] for alarm in alarms(caplog)] == ["the database has gone back to an earlier state"]


def test_a_database_of_before_its_broker_was_emptied_is_a_restored_one(
    settings: Settings, client: redis.Redis, storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    add(client, *created(1))
    drain(settings, client, storage)
    earlier = ledger_of(storage).broker
    client.flushdb()
    add(client, *created(1))
    drain(settings, client, storage)
    go_back(storage, batches=1, broker=earlier)
    add(client, *created(1, "later"))
    assert drain(settings, client, storage)["recorded"] == 1
    assert [alarm.partition(",")[0] for alarm in alarms(caplog)] == [
        "the broker has lost its data",
        "the database has gone back to an earlier state",
    ]


def test_two_copies_of_one_database_do_not_share_a_redis(
    settings: Settings, client: redis.Redis, storage: Storage
) -> None:
    for place in range(3):
        add(client, *created(1, f"t{place}"))
        drain(settings, client, storage)
    first = ledger_of(storage).broker
    go_back(storage, batches=1, broker=first)
    Bond(client, settings, storage).meet()  # one of them
    go_back(storage, batches=1, broker=first)
    with pytest.raises(ForeignBroker, match="copies of one ledger"):
        Bond(client, settings, storage).meet()  # the other
    Bond(client, settings, storage).adopt()
    Bond(client, settings, storage).meet()


def test_messages_that_a_restored_database_does_not_know_come_again(office: Office, settings: Settings) -> None:
    sent = message("m1", "bob"), message("m2", "bob")
    office.publish(*sent)
    office.drain()
    office.take("bob", "m1")
    office.client.zadd(streams.taken("bob"), {"m1": office.client.time()[0] * 1000})
    office.drain()
    by_hand(
        office.storage,
        *(text(f"DELETE FROM {name}") for name in ("outbox", "message_deliveries", "messages", "events")),
    )
    go_back(office.storage, batches=1, broker=ledger_of(office.storage).broker)
    Bond(office.client, settings, office.storage).meet()
    office.publish(*sent)
    office.drain()
    assert office.waiting() == 0
    assert office.ids("bob") == ["m2", "m1", "m2"], "what was there, and both again"
    assert (office.status("m1", "bob"), office.status("m2", "bob")) == ("sent", "sent")


def test_a_redis_of_an_earlier_state_is_told_of_once(
    settings: Settings, client: redis.Redis, storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    add(client, *created(1))
    drain(settings, client, storage)
    earlier = {key: client.dump(key) for key in client.scan_iter()}
    add(client, *created(2))
    drain(settings, client, storage)
    client.flushdb()
    for key, value in earlier.items():
        client.restore(key, 0, value or b"", replace=True)
    client.delete(streams.BEAT)
    watch = Watch(settings, lambda _: None)
    for _ in range(2):
        watch.look()
        client.delete(streams.BEAT)
    watch.close()
    assert alarms(caplog) == ["the broker has gone back to an earlier state"]
    assert (ledger_of(storage).alarm or "").startswith("the broker has gone back")
    add(client, *created(1, "later"))
    assert drain(settings, client, storage)["recorded"] == 1


def test_no_entry_gets_the_id_of_one_that_was_recorded(
    settings: Settings, client: redis.Redis, storage: Storage
) -> None:
    client.xadd(STREAM, {streams.FIELD: created(1)[0]}, id=f"{client.time()[0] * 1000 + 60_000}-0")
    drain(settings, client, storage)
    with storage.reading() as connection:
        last = connection.execute(text("SELECT entry_id FROM checkpoints")).scalar_one()
    client.flushdb()
    add(client, *created(1, "t1"))
    drain(settings, client, storage)
    (entry,) = add(client, *created(1, "t2"))
    assert int(entry.split(b"-")[0]) >= int(last.split("-")[0])


def test_ids_that_no_clock_gives_are_no_earlier_state(
    settings: Settings, client: redis.Redis, storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    client.xadd(STREAM, {streams.FIELD: created(1)[0]}, id="18446744073709551615-1")
    drain(settings, client, storage)
    client.delete(STREAM)
    watch = Watch(settings, lambda _: None)
    watch.look()
    watch.close()
    assert alarms(caplog) == []


def test_beats_go_on_while_nothing_is_to_be_done(settings: Settings, client: redis.Redis, storage: Storage) -> None:
    watch = Watch(settings, lambda _: None)
    watch.look()
    watch.look()
    assert ledger_of(storage).beats == 1, "one worker tells for all"
    client.delete(streams.BEAT)
    watch.look()
    watch.close()
    assert ledger_of(storage).beats == 2
    assert ledger_of(storage).seen_at is not None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_worker_ends_when_its_redis_is_another_ledgers_and_does_not_start_on_it(
    settings: Settings, client: redis.Redis, storage: Storage, start_worker: StartWorker
) -> None:
    worker = start_worker()
    wait_until(lambda: ledger_of(storage).beats, 60, "a worker that serves its broker")
    client.set(streams.BROKER, "another 1 mark")
    wait_until(lambda: not worker.is_running(), 60, "the end of a worker whose Redis was taken")
    assert "is the broker of another ledger, another" in worker.log.read_text()
    add(client, *created(1))
    rung = client.llen("ledger")
    second = start_worker()
    wait_until(lambda: not second.is_running(), 60, "the end of a worker that does not start")
    assert "error: the Redis redis://127.0.0.1" in second.log.read_text()
    assert client.xlen(STREAM) == 1
    assert client.llen("ledger") == rung, "it rang a bell"
