"""Dead letters on real servers: from the stream into the table, mended, sent again, and gone from the list."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import text

from domain import streams
from domain.errors import BrokerUnavailable, DatabaseUnavailable, PublishError
from domain.mending import Changes, json_of, path_of
from domain.records import DeadLetter, DeadLetterDeed
from domain.settings import Settings
from domain.statuses import DeadLetterStatus
from storage.repositories import DeadLetterActionRepository, DeadLetterRepository
from storage.repositories.dead_letters import ALL, OPEN, NoDeadLetter
from storage.unit_of_work import Storage
from tests.builders import raw
from tests.conftest import settings_for
from tests.mending import changes
from tests.rubbish import RUBBISH, Case
from tests.storage.recording import count, dead_letters, differences, record
from workers.connections import connect
from workers.drain import Drain
from workers.recorder import Recorded
from workers.replay import Done, Replayer, Result
from workers.replay_outcome import Came, Outcome, outcome_of

GOOD: Final = 500
BAD: Final = raw("task.progressed", id="bad", subject="t", progress=2)
MENDED: Final = Changes(set=((path_of("data.progress"), "0.5"),))


@pytest.fixture
def client(settings: Settings) -> Iterator[redis.Redis]:
    with closing(connect(settings)) as connected:
        yield connected


@pytest.fixture
def replayer(settings: Settings, storage: Storage, client: redis.Redis) -> Replayer:
    return Replayer(settings, storage, client)


def drain(settings: Settings, client: redis.Redis, storage: Storage) -> Recorded:
    """Records what waits in all shards."""
    total = Recorded()
    for shard in range(settings.shards):
        while client.xlen(streams.stream(shard)):
            result = Drain(settings, client, storage, shard).run()
            total += Recorded(result["recorded"], result["repeated"], result["dead"])
    return total


def bury(storage: Storage, *bodies: bytes, start: int = 1) -> list[str]:
    """Makes dead letters; their ids."""
    assert record(storage, *bodies, start=start).dead == len(bodies)
    found = {letter.entry_id: letter.id for letter in dead_letters(storage)}
    return [found[f"{number}-0"] for number in range(start, start + len(bodies))]


def letter(storage: Storage, id_: str) -> DeadLetter:
    with storage.reading() as connection:
        found = DeadLetterRepository(connection).get(id_)
    assert found is not None
    return found


def deeds(storage: Storage, id_: str) -> list[DeadLetterDeed]:
    with storage.reading() as connection:
        return list(DeadLetterActionRepository(connection).of_dead_letter(id_).items)


def outcome(storage: Storage, id_: str, client: redis.Redis | None) -> Outcome:
    """What came of the last replay."""
    return outcome_of(deeds(storage, id_)[-1], letter(storage, id_).raw, storage, client)


def waiting(settings: Settings, client: redis.Redis) -> list[bytes]:
    """What stands in all shards."""
    found: list[bytes] = []
    for shard in range(settings.shards):
        entries: Any = client.xrange(streams.stream(shard))
        found += [fields[b"event"] for _, fields in entries]
    return found


# --- the whole way


def test_a_hundred_kinds_of_rubbish_are_told_apart_mended_and_recorded(
    settings: Settings, client: redis.Redis, storage: Storage, replayer: Replayer
) -> None:
    by_entry: dict[tuple[str, str], Case] = {}
    with client.pipeline(transaction=False) as pipeline:
        for place in range(GOOD):
            pipeline.execute_command("XADD", streams.stream(place % 3), "*", "event", raw("task.created"))
        pipeline.execute()
    for place, case in enumerate(RUBBISH):
        stream = streams.stream(place % 3)
        if case.before is not None:
            client.execute_command("XADD", stream, "*", "event", case.before)
        entry_id = client.execute_command("XADD", stream, "*", *case.fields)
        by_entry[stream, entry_id.decode()] = case
    before = sum(case.before is not None for case in RUBBISH)

    assert drain(settings, client, storage) == Recorded(recorded=GOOD + before, dead=len(RUBBISH))
    letters = dead_letters(storage)
    cases = {one.id: by_entry[one.stream, one.entry_id] for one in letters}
    assert len(cases) == len(RUBBISH) == 100
    for one in letters:
        case = cases[one.id]
        assert (one.reason, one.field, one.raw) == (case.reason, case.field, case.raw), case.name

    for id_, case in cases.items():
        (done,) = replayer.replay([id_], who="tests", changes=changes(case.mend))
        assert done.result is Result.REPLAYED, (case.name, done.detail)
    assert drain(settings, client, storage) == Recorded(recorded=len(RUBBISH))
    assert replayer.count(OPEN) == 0
    assert count(storage, "events") == GOOD + before + len(RUBBISH)
    assert {outcome(storage, id_, client).came for id_ in cases} == {Came.RECORDED}
    assert differences(storage) == []


# --- one replay


def test_what_is_sent_is_written_down(
    settings: Settings, client: redis.Redis, storage: Storage, replayer: Replayer
) -> None:
    (id_,) = bury(storage, BAD)
    (done,) = replayer.replay([id_], who="jo", changes=MENDED)
    mended = BAD.replace(b'"progress": 2', b'"progress": 0.5')
    stream = streams.stream(streams.shard_of("t", settings.shards))
    assert waiting(settings, client) == [mended]
    assert (done.result, done.status, done.stream) == (Result.REPLAYED, "replayed", stream)
    (deed,) = deeds(storage, id_)
    assert (deed.who, deed.action, deed.source, deed.event_id) == ("jo", "replayed", "/tests", "bad")
    assert (deed.stream, deed.entry_id, deed.raw) == (stream, done.entry_id, mended)
    assert (letter(storage, id_).status, letter(storage, id_).attempts, letter(storage, id_).raw) == (
        "replayed",
        2,
        BAD,
    )


def test_what_is_sent_unchanged_is_not_kept_twice(storage: Storage, replayer: Replayer) -> None:
    good = raw("task.completed", output="x" * 5000)
    (id_,) = bury(storage, BAD)
    with storage.writing() as connection:
        connection.execute(text("UPDATE dead_letters SET raw = :raw"), {"raw": good})
    replayer.replay([id_], who="jo")
    assert deeds(storage, id_)[0].raw is None


def test_what_is_still_refused_is_not_sent_and_stays_open(
    settings: Settings, client: redis.Redis, storage: Storage, replayer: Replayer
) -> None:
    (id_,) = bury(storage, BAD)
    changed = Changes(set=((path_of("data.progress"), json_of("half")),))
    (done,) = replayer.replay([id_], who="jo", changes=changed)
    assert (done.result, done.status, done.reason, done.field) == (
        Result.REFUSED,
        "open",
        "invalid_data",
        "data.progress",
    )
    (deed,) = deeds(storage, id_)
    assert (deed.action, deed.entry_id) == ("refused", None)
    assert deed.detail == f"invalid_data: {done.detail}"
    assert deed.raw == changed.apply(BAD)
    assert (letter(storage, id_).status, letter(storage, id_).attempts) == ("open", 2)
    assert waiting(settings, client) == []


def test_a_change_that_does_not_fit_is_refused(storage: Storage, replayer: Replayer) -> None:
    (id_,) = bury(storage, b"words")
    (done,) = replayer.replay([id_], who="jo", changes=MENDED)
    assert (done.result, done.reason) == (Result.REFUSED, None)
    assert "no JSON object" in done.detail


def test_a_dry_run_sends_and_writes_nothing(
    settings: Settings, client: redis.Redis, storage: Storage, replayer: Replayer
) -> None:
    ids = bury(storage, BAD, b"words")
    assert [one.result for one in replayer.try_out(ids, changes=MENDED)] == [Result.REPLAYED, Result.REFUSED]
    assert waiting(settings, client) == []
    assert count(storage, "dead_letter_actions") == 0
    assert {one.status for one in dead_letters(storage)} == {"open"}


def test_many_are_done_in_the_order_asked_for_and_once_each(
    settings: Settings, client: redis.Redis, storage: Storage, replayer: Replayer
) -> None:
    bodies = [raw("task.progressed", id=str(number), subject="t", progress=2) for number in range(230)]
    ids = bury(storage, *bodies)[::-1]
    done = replayer.replay([*ids, ids[0]], who="jo", changes=MENDED)
    assert [one.dead_letter_id for one in done] == ids
    assert sorted(one.event_id or "" for one in done) == sorted(map(str, range(230)))
    assert drain(settings, client, storage) == Recorded(recorded=230)


def test_an_id_that_is_none_stops_all_before_anything_is_sent(
    settings: Settings, client: redis.Redis, storage: Storage, replayer: Replayer
) -> None:
    (id_,) = bury(storage, BAD)
    for do in (replayer.replay, replayer.discard):
        with pytest.raises(NoDeadLetter, match="dead_no"):
            do([id_, "dead_no"], who="jo")
    assert letter(storage, id_).status == "open"
    assert waiting(settings, client) == []


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


# --- conflicts


def test_a_conflict_is_not_sent_under_its_old_id(
    settings: Settings, client: redis.Redis, storage: Storage, replayer: Replayer
) -> None:
    record(storage, raw("task.completed", id="1", output="first"))
    (id_,) = bury(storage, raw("task.completed", id="1", output="second"), start=2)
    (done,) = replayer.replay([id_], who="jo")
    assert (done.result, done.reason, done.field) == (Result.REFUSED, "conflict", "id")
    assert "--set id=" in done.detail
    assert waiting(settings, client) == []
    (done,) = replayer.replay([id_], who="jo", changes=Changes(set=((("id",), '"2"'),)))
    assert done.result is Result.REPLAYED
    assert drain(settings, client, storage) == Recorded(recorded=1)


def test_an_event_that_is_recorded_already_with_the_same_content_may_be_sent(
    settings: Settings, client: redis.Redis, storage: Storage, replayer: Replayer
) -> None:
    (id_,) = bury(storage, BAD)
    record(storage, MENDED.apply(BAD), start=2)
    assert replayer.replay([id_], who="jo", changes=MENDED)[0].result is Result.REPLAYED
    assert drain(settings, client, storage) == Recorded(repeated=1)


# --- what came of it


def test_what_came_of_it_is_told_as_it_is(
    settings: Settings, client: redis.Redis, storage: Storage, replayer: Replayer
) -> None:
    (id_,) = bury(storage, BAD)
    replayer.replay([id_], who="jo", changes=MENDED)
    assert outcome(storage, id_, client).came is Came.WAITING
    assert outcome(storage, id_, None).came is Came.UNKNOWN
    client.flushdb()
    assert outcome(storage, id_, client).came is Came.LOST
    replayer.replay([id_], who="jo", changes=MENDED, again=True)
    drain(settings, client, storage)
    recorded = outcome(storage, id_, client)
    assert recorded.came is Came.RECORDED
    assert recorded.recorded_at is not None
    assert outcome(storage, id_, None) == recorded


def test_what_is_refused_again_names_the_new_dead_letter(
    settings: Settings, client: redis.Redis, storage: Storage, replayer: Replayer
) -> None:
    (id_,) = bury(storage, BAD)
    replayer.replay([id_], who="jo", changes=MENDED)
    record(storage, raw("task.started", id="bad", subject="t"), start=2)  # somebody was quicker, with other content
    assert outcome(storage, id_, client).came is Came.WAITING
    assert drain(settings, client, storage) == Recorded(dead=1)
    told = outcome(storage, id_, client)
    assert told.came is Came.REFUSED
    assert told.dead_letter_id is not None
    new = letter(storage, told.dead_letter_id)
    assert (new.reason, new.status, told.detail) == ("conflict", "open", f"conflict: {new.detail}")
    with storage.reading() as connection:
        origin = DeadLetterActionRepository(connection).that_sent(new.stream, new.entry_id)
    assert origin == deeds(storage, id_)[0]


# --- giving up


def test_what_is_discarded_is_written_down_and_can_still_be_sent(
    settings: Settings, client: redis.Redis, storage: Storage, replayer: Replayer
) -> None:
    ids = bury(storage, BAD, b"words")
    assert {one.result for one in replayer.discard(ids, who="jo", why="a test\x00")} == {Result.DISCARDED}
    assert [one.status for one in replayer.discard(ids, who="al")] == ["discarded"] * 2
    (deed,) = deeds(storage, ids[0])
    assert (deed.who, deed.action, deed.detail, deed.entry_id) == ("jo", "discarded", "a test\ufffd", None)
    assert letter(storage, ids[0]).attempts == 1
    assert replayer.replay(ids[:1], who="jo", changes=MENDED)[0].status == "discarded"
    assert replayer.replay(ids[:1], who="jo", changes=MENDED, again=True)[0].status == "replayed"
    assert len(waiting(settings, client)) == 1


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
    monkeypatch.setattr("workers.replay._BATCH_BYTES", 10_000)
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
    from storage.engine import make_engine

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
