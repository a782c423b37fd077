"""Dead letters on real servers: from the stream into the table, mended, sent again, and gone from the list."""

from __future__ import annotations

from typing import Final

import pytest
import redis
from sqlalchemy import text

from flowledger.domain import streams
from flowledger.domain.mending import Changes, json_of, path_of
from flowledger.domain.settings import Settings
from flowledger.storage.ledger.dead_letter_actions import DeadLetterActionRepository
from flowledger.storage.ledger.dead_letters import OPEN, NoDeadLetter
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.recorder import Recorded
from flowledger.workers.replay import Replayer, Result
from flowledger.workers.replay_outcome import Came
from tests.builders import raw
from tests.mending import changes
from tests.rubbish import RUBBISH, Case
from tests.storage.recording import count, dead_letters, differences, own_events, record
from tests.workers.replaying import BAD, MENDED, bury, deeds, drain, letter, outcome, waiting

GOOD: Final = 500


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
    recorded = drain(settings, client, storage)
    mended = GOOD + before + len(RUBBISH)
    assert recorded == Recorded(recorded=len(RUBBISH) + count(storage, "events") - mended), "and what the ledger says"
    assert replayer.count(OPEN) == 0
    assert len(own_events(storage)) == count(storage, "events") - mended
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
    assert "not a JSON object" in done.detail


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
