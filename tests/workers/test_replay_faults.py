"""Dead letters replayed twice, by many at once, in great numbers, with a crash half-way, and without servers."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from flowledger.domain import streams
from flowledger.domain.errors import BrokerUnavailable, DatabaseUnavailable, PublishError
from flowledger.domain.records import DeadLetterDeed
from flowledger.domain.settings import Settings
from flowledger.domain.statuses import DeadLetterStatus
from flowledger.storage.ledger.dead_letter_actions import DeadLetterActionRepository
from flowledger.storage.ledger.dead_letters import ALL, OPEN, DeadLetterRepository
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.recorder import Recorded
from flowledger.workers.replay import Done, Replayer, Result
from flowledger.workers.replay_outcome import Came
from tests.builders import raw
from tests.conftest import settings_for
from tests.storage.recording import count, dead_letters, record
from tests.workers.replaying import BAD, MENDED, bury, deeds, drain, letter, outcome, waiting

# --- twice


def test_the_second_replay_is_told_and_sends_nothing(
    settings: Settings, client: redis.Redis, storage: Storage, replayer: Replayer
) -> None:
    (id_,) = bury(storage, BAD)
    replayer.replay([id_], who="jo", changes=MENDED)
    (second,) = replayer.replay([id_], who="al", changes=MENDED)
    assert (second.result, second.status) == (Result.CLOSED, "replayed")
    assert len(waiting(settings, client)) == len(deeds(storage, id_)) == 1


def test_again_sends_it_again_and_changes_nothing(
    settings: Settings, client: redis.Redis, storage: Storage, replayer: Replayer
) -> None:
    (id_,) = bury(storage, BAD)
    for _ in range(2):
        replayer.replay([id_], who="jo", changes=MENDED, again=True)
    assert drain(settings, client, storage) == Recorded(recorded=1, repeated=1)
    assert letter(storage, id_).attempts == 3
    assert outcome(storage, id_, client).came is Came.RECORDED


def test_of_many_who_replay_the_same_at_once_one_sends_it(
    settings: Settings, client: redis.Redis, storage: Storage, replayer: Replayer
) -> None:
    bodies = [raw("task.progressed", id=str(number), subject="t", progress=2) for number in range(20)]
    ids = bury(storage, *bodies)
    done: list[Done] = []

    def replay(order: list[str]) -> None:
        done.extend(replayer.replay(order, who="jo", changes=MENDED))

    threads = [threading.Thread(target=replay, args=(order,)) for order in (ids, ids[::-1], ids, ids[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.dead_letter_id for one in done if one.result is Result.REPLAYED) == sorted(ids)
    assert len(done) == 4 * len(ids)
    assert len(waiting(settings, client)) == count(storage, "dead_letter_actions") == len(ids)


def test_killed_after_it_was_sent_and_before_that_was_written_down_it_can_be_sent_again(
    settings: Settings, client: redis.Redis, storage: Storage, replayer: Replayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    (id_,) = bury(storage, BAD)
    monkeypatch.setattr(DeadLetterRepository, "tried", die)
    with pytest.raises(KeyboardInterrupt):
        replayer.replay([id_], who="jo", changes=MENDED)
    monkeypatch.undo()
    assert letter(storage, id_).status == "open"
    assert deeds(storage, id_) == []
    assert replayer.replay([id_], who="jo", changes=MENDED)[0].result is Result.REPLAYED
    assert drain(settings, client, storage) == Recorded(recorded=1, repeated=1)


@pytest.mark.parametrize("status", ["replayed", "discarded"])
def test_an_entry_that_is_buried_once_more_does_not_open_its_dead_letter(
    storage: Storage, replayer: Replayer, status: str
) -> None:
    """A drain may be killed between its commit and the acknowledgement, and the entry be read again much later."""
    (id_,) = bury(storage, BAD)
    if status == "replayed":
        replayer.replay([id_], who="jo", changes=MENDED)
    else:
        replayer.discard([id_], who="jo")
    before = letter(storage, id_)
    record(storage, BAD)
    assert dead_letters(storage) == [before]
    assert before.status == status


# --- all of them


def test_all_that_are_open_are_done_and_none_that_come_in_meanwhile(storage: Storage, replayer: Replayer) -> None:
    bury(storage, *(b"words %d" % number for number in range(150)))
    seen: list[str] = []
    for number, some in enumerate(replayer.ids(OPEN), 1):
        seen += some
        bury(storage, *(b"more words" for _ in range(100)), start=1000 * number)
    assert len(seen) == len(set(seen)) == 150
    assert replayer.count(OPEN) == 350


def test_all_go_on_while_their_status_changes(storage: Storage, replayer: Replayer) -> None:
    bury(storage, *(b"words %d" % number for number in range(250)))
    for some in replayer.ids(OPEN):
        replayer.discard(some, who="jo")
    assert (replayer.count(OPEN), replayer.count(ALL)) == (0, 250)


def test_large_ones_are_sent_a_few_at_a_time(
    storage: Storage, replayer: Replayer, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    largest = 0
    send = Replayer._send

    def measured(self: Replayer, attempts: Any) -> Any:
        nonlocal largest
        largest = max(largest, sum(len(attempt.raw) for attempt in attempts))
        return send(self, attempts)

    monkeypatch.setattr(Replayer, "_send", measured)
    monkeypatch.setattr("flowledger.workers.replay._BATCH_BYTES", 10_000)
    bodies = [raw("task.progressed", id=str(number), progress=2, message="x" * 4000) for number in range(6)]
    ids = bury(storage, *bodies)
    assert {one.result for one in replayer.replay(ids, who="jo", changes=MENDED)} == {Result.REPLAYED}
    assert 4000 < largest <= 10_000


# --- servers that are away


def test_without_redis_nothing_is_marked(redis_url: str, storage: Storage, settings: Settings) -> None:
    (id_,) = bury(storage, BAD)
    with (
        closing(redis.Redis(port=1, retry=Retry(NoBackoff(), 0))) as nobody,
        pytest.raises(BrokerUnavailable, match="nothing is marked"),
    ):
        Replayer(settings, storage, nobody).replay([id_], who="jo", changes=MENDED)
    assert (letter(storage, id_).status, deeds(storage, id_)) == ("open", [])


def test_what_redis_took_before_it_refused_is_marked(
    settings: Settings, client: redis.Redis, storage: Storage, replayer: Replayer
) -> None:
    other = raw("task.progressed", id="other", subject="u", progress=2)
    ids = bury(storage, BAD, other)
    stream = streams.stream(streams.shard_of("u", settings.shards))
    assert stream != streams.stream(streams.shard_of("t", settings.shards))
    client.set(stream, "not a stream")
    with pytest.raises(PublishError, match="still open: WRONGTYPE"):
        replayer.replay(ids, who="jo", changes=MENDED)
    assert [letter(storage, id_).status for id_ in ids] == ["replayed", "open"]
    client.delete(stream)
    assert [one.result for one in replayer.replay(ids, who="jo", changes=MENDED)] == [Result.CLOSED, Result.REPLAYED]


def test_without_the_database_it_says_so(settings: Settings, client: redis.Redis, storage: Storage) -> None:
    from flowledger.storage.engines.engine import make_engine

    away = settings_for("sqlite:////no/such/folder/ledger.db")
    with Storage(make_engine(away)) as nowhere, pytest.raises(DatabaseUnavailable):
        Replayer(settings, nowhere, client).replay(["dead_x"], who="jo")


def test_what_is_written_is_written_as_a_whole_or_not_at_all(storage: Storage) -> None:
    """Also on a connection that the pipeline has used, which leaves transactions to nobody but itself."""

    def die_half_way() -> None:
        with storage.writing() as connection:
            DeadLetterRepository(connection).close([id_], DeadLetterStatus.DISCARDED)
            raise KeyboardInterrupt

    (id_,) = bury(storage, BAD)
    with pytest.raises(KeyboardInterrupt):
        die_half_way()
    assert letter(storage, id_).status == "open"


def test_a_status_that_is_none_cannot_be_written(storage: Storage) -> None:
    (id_,) = bury(storage, BAD)
    bad = (
        DeadLetterDeed(id="1", dead_letter_id=id_, at=letter(storage, id_).first_seen, who="jo", action="eaten"),
        DeadLetterDeed(id="1", dead_letter_id=id_, at=letter(storage, id_).first_seen, who="jo", action="replayed"),
        DeadLetterDeed(id="1", dead_letter_id="none", at=letter(storage, id_).first_seen, who="jo", action="refused"),
    )
    for deed in bad:
        with pytest.raises(DatabaseUnavailable), storage.writing() as connection:
            DeadLetterActionRepository(connection).add([deed])
    assert DeadLetterStatus(letter(storage, id_).status) is DeadLetterStatus.OPEN
