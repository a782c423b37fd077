"""Signatures where they are required: what is recorded, what becomes a dead letter and why, on real servers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import redis
from pydantic import SecretBytes

from flowledger.domain import events as say
from flowledger.domain import streams
from flowledger.domain.envelope import LEDGER_SOURCE
from flowledger.domain.key_file import changed_keys
from flowledger.domain.settings import Settings
from flowledger.storage.kinds import EVENT_HANDLERS, messages
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.authority import guard_of
from flowledger.workers.recorder import Recorded, Recorder
from flowledger.workers.shards import Shards
from flowledger.workers.verify import verify
from tests.builders import entries, raw, to_bytes
from tests.signing import MESSAGES, SECRETS, changed, key_file, message, signed
from tests.storage.recording import count, dead_letters, differences, own_events, row
from tests.workers.replaying import drain
from tests.workers.speaking import LATE, entry, reasons, record, said, told


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """Signatures are required."""
    update = {"signatures": "required", "key_file": key_file(tmp_path / "keys.json"), "linger_seconds": 0.0}
    return settings.model_copy(update=update)


@pytest.fixture
def recorder(settings: Settings, storage: Storage) -> Recorder:
    return Recorder(storage, settings.limits, guard_of(settings))


# --- who speaks


def test_what_is_signed_is_recorded_and_what_is_not_is_a_dead_letter(recorder: Recorder, storage: Storage) -> None:
    honest = [said(type_, id=type_) for type_ in MESSAGES]
    forged = [
        to_bytes(message(time=told(), id="unsigned")),
        said(by="sb_2", id="by another"),
        changed(said(id="field"), subject="msg_2"),
        said(id="content", content="pay 1").replace(b"pay 1", b"pay 9"),
        changed(said(id="copied"), id="new"),
        said("message.delivered", by="/flowledger", id="by the ledger"),
        said("message.dispatched", by="sb_1", id="as the ledger"),
        raw("task.logged", source=LEDGER_SOURCE, time=told()),
    ]
    bodies = [*honest, *forged, raw("task.started")]
    assert record(recorder, *bodies) == Recorded(recorded=len(honest) + 1, dead=len(forged))
    letters = dead_letters(storage)
    assert {letter.raw for letter in letters} == set(forged)
    assert {(letter.reason, letter.field) for letter in letters} == {("forged", "signature")}
    assert all(letter.type and letter.source and letter.event_id for letter in letters), "what they were can be seen"
    assert differences(storage) == []


def test_what_the_ledger_says_of_a_message_is_signed_too(
    settings: Settings, client: redis.Redis, storage: Storage
) -> None:
    client.xadd(streams.stream(0), {streams.FIELD: said(id="1")})
    assert drain(settings, client, storage).recorded == 2
    assert [json.loads(event)["type"] for event in own_events(storage)] == ["message.dispatched"]
    assert reasons(storage) == []


def test_a_forged_message_comes_into_no_inbox(settings: Settings, client: redis.Redis, storage: Storage) -> None:
    client.xadd(streams.stream(0), {streams.FIELD: said(by="sb_2")})
    assert drain(settings, client, storage).dead == 1
    assert list(client.scan_iter(streams.inbox("*"))) == []


def test_a_forged_message_changes_no_row(recorder: Recorder, storage: Storage) -> None:
    record(recorder, said(content="true"))
    assert record(recorder, said(by="sb_2", content="false", ago=-1)).dead == 1
    assert row(storage, "messages", "sb_1/msg_1")["content"] == "true"
    assert count(storage, "events") == 1


def test_without_signatures_nothing_is_checked(settings: Settings, storage: Storage) -> None:
    off = settings.model_copy(update={"signatures": "off", "key_file": None})
    assert guard_of(off) is None
    outcome = Recorder(storage, off.limits, guard_of(off)).record(entries([said(by="sb_2"), raw("message.sent")]))
    assert outcome.recorded == 2


def test_a_key_counts_from_the_next_batch_on_until_it_is_retired(
    settings: Settings, recorder: Recorder, storage: Storage
) -> None:
    assert settings.key_file is not None
    by_new = signed(message(id="n", from_sandbox_id="sb_3", time=told()), "sb_1", "k3")
    assert record(recorder, by_new).dead == 1
    with changed_keys(settings.key_file) as keys:
        keys["sb_3"] = {"k3": SecretBytes(SECRETS["sb_1"])}
    assert record(recorder, by_new).recorded == 1
    with changed_keys(settings.key_file) as keys:
        del keys["sb_3"]
    assert record(recorder, signed(message(id="m", from_sandbox_id="sb_3", time=told()), "sb_1", "k3")).dead == 1
    assert reasons(storage) == [("forged", "signature")] * 2


def test_a_key_file_that_breaks_stops_nobody(settings: Settings, recorder: Recorder, storage: Storage) -> None:
    assert settings.key_file is not None
    settings.key_file.write_text("{")
    assert record(recorder, said()).recorded == 1
    assert guard_of(settings) is not None, "the next drain of the same process goes on as well"


def test_recorded_messages_stand_also_when_their_key_is_gone(
    settings: Settings, recorder: Recorder, storage: Storage
) -> None:
    assert settings.key_file is not None
    record(recorder, said(), said("message.delivered"))
    with changed_keys(settings.key_file) as keys:
        del keys["sb_1"]
    assert verify(storage).is_well


# --- when


@pytest.mark.parametrize(("came", "recorded"), [(-1, 1), (86_390, 1), (-86_390, 1), (86_410, 0), (-86_410, 0)])
def test_a_signed_event_comes_within_a_day_of_its_time(
    recorder: Recorder, storage: Storage, came: float, recorded: int
) -> None:
    body = said(ago=max(came, 0.0))
    outcome = recorder.record([entry(body, min(came, 0.0))])
    assert (outcome.recorded, outcome.dead) == (recorded, 1 - recorded)
    assert reasons(storage) == [("replayed", "time")] * (1 - recorded)


def test_the_words_say_how_late_it_was_and_which_setting_it_is(recorder: Recorder, storage: Storage) -> None:
    record(recorder, said(ago=200_000))
    (letter,) = dead_letters(storage)
    assert "a signed event that came 200,000." in letter.detail
    assert letter.detail.endswith(" s after its time; the limit is 86,400 s (LEDGER_SIGNATURE_AGE_SECONDS)")


def test_an_entry_with_an_id_of_the_future_did_not_come_later_than_now(recorder: Recorder, storage: Storage) -> None:
    """Whoever may write to a stream may push its ids into the future; nobody's messages must suffer from it."""
    body = said()
    assert recorder.record([entry(body, came=10**9), entries([said(id="x")])[0]._replace(id=f"{2**64 - 1}-7")]) == (
        Recorded(recorded=2)
    )


def test_the_same_event_again_and_late_is_a_replay_and_the_recorded_one_stands(
    recorder: Recorder, storage: Storage
) -> None:
    body = said(id="one", ago=LATE)
    assert record(recorder, body).recorded == 1
    assert recorder.record([entry(body, came=5)]) == Recorded(dead=1)
    assert reasons(storage) == [("replayed", "id")]
    (letter,) = dead_letters(storage)
    assert (letter.raw, letter.event_id) == (body, "one")
    assert "recorded already, at " in letter.detail
    assert (count(storage, "events"), count(storage, "messages")) == (1, 1)
    assert differences(storage) == []


def test_the_same_event_again_and_soon_is_a_second_try(settings: Settings, storage: Storage) -> None:
    patient = Recorder(storage, settings.limits, guard_of(settings.model_copy(update={"replay_seconds": LATE + 30})))
    body = said(ago=LATE)
    record(patient, body)
    assert patient.record([entry(body, came=5)]) == Recorded(repeated=1)
    assert reasons(storage) == []


def test_what_needs_no_signature_may_come_again_at_any_time(recorder: Recorder, storage: Storage) -> None:
    body = raw("task.started", time=told(LATE))
    record(recorder, body)
    assert recorder.record([entry(body, came=5)]) == Recorded(repeated=1)


def test_another_content_under_a_known_name_is_a_conflict_first(recorder: Recorder, storage: Storage) -> None:
    record(recorder, said(id="1", ago=LATE, content="one"))
    assert recorder.record([entry(said(id="1", ago=LATE, content="two"), came=5)]) == Recorded(dead=1)
    assert reasons(storage) == [("conflict", "id")]


# --- what is taken again is no replay


def test_an_entry_taken_again_is_no_replay_however_late_it_was_published(recorder: Recorder, storage: Storage) -> None:
    """A spool may send an event minutes after its time; then a worker dies between the commit and the entry's end."""
    late = entry(said(ago=LATE))
    assert recorder.record([late]) == Recorded(recorded=1)
    assert recorder.record([late]) == Recorded(repeated=1)
    assert reasons(storage) == []


def test_entries_of_a_worker_that_died_before_it_deleted_them_are_no_replays(
    settings: Settings, client: redis.Redis, storage: Storage, recorder: Recorder
) -> None:
    bodies = [said(ago=ago, id=f"ago {ago}") for ago in (0.0, LATE)]
    for body in bodies:
        client.xadd(streams.stream(0), {streams.FIELD: body})
    dying = Shards(client, settings, 0)
    assert recorder.record(dying.take().entries).recorded == 2
    client.delete(streams.lease(0))  # it has died, and its lease is over
    assert (drain(settings, client, storage).repeated, reasons(storage)) == (2, [])
    assert client.xlen(streams.stream(0)) == 0
    client.xadd(streams.stream(0), {streams.FIELD: bodies[1]})
    assert drain(settings, client, storage).dead == 1, "the same event in an entry of its own is one"
    assert reasons(storage) == [("replayed", "id")]


def test_what_a_first_try_had_committed_is_no_replay_where_the_batch_is_done_again(
    recorder: Recorder, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    handlers: dict[Any, Any] = EVENT_HANDLERS
    send = messages.send

    def broken(event: Any, recorded_at: str) -> Any:
        write = send(event, recorded_at)
        if event.id == "bad":
            write.values[write.values.index("request")] = "no such type of message"
        return write

    monkeypatch.setitem(handlers, say.MessageSent, (broken, *handlers[say.MessageSent][1:]))
    good = [said(ago=LATE, subject=f"sb_1/msg_{place}") for place in range(3)]
    outcome = record(recorder, *good[:2], said(id="bad", subject="sb_1/msg_bad"), good[2])
    assert outcome.dead == 1
    assert reasons(storage) == [("unrecordable", "")]
    assert count(storage, "events") == 3
