"""What an import sets going: nothing, unless it is asked to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flowledger.domain.settings import Settings
from flowledger.domain.times import written_time
from flowledger.services.importing.importer import Importer
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.verify import verify
from tests.builders import raw
from tests.services.importing.importing import import_lines
from tests.services.schedules.world import World
from tests.signing import changed, key_file, message, signed
from tests.storage.recording import count, dead_letters, record, row


def sent(subject: str, *to: str) -> bytes:
    return raw("message.sent", subject=subject, from_sandbox_id="sb_1", to_sandbox_ids=[*to])


def test_messages_of_the_past_wait_for_no_inbox(settings: Settings, storage: Storage, tmp_path: Path) -> None:
    events = [sent("m1", "sb_2", "sb_3"), raw("message.delivered", subject="m1", to_sandbox_id="sb_2")]
    assert import_lines(settings, tmp_path, *events).recorded == 2
    assert count(storage, "outbox") == 0
    statuses = [row(storage, "message_deliveries", "m1", sandbox)["status"] for sandbox in ("sb_2", "sb_3")]
    assert statuses == ["delivered", "pending"], "as the events say"
    assert verify(storage).is_well


def test_messages_wait_for_inboxes_if_asked(settings: Settings, storage: Storage, tmp_path: Path) -> None:
    events = [sent("m1", "sb_2", "sb_3"), raw("message.delivered", subject="m1", to_sandbox_id="sb_2")]
    import_lines(settings, tmp_path, *events, deliver=True)
    assert count(storage, "outbox") == 1


def test_the_end_of_a_message_takes_it_out_of_the_outbox(settings: Settings, storage: Storage, tmp_path: Path) -> None:
    record(storage, sent("m1", "sb_2"))
    assert count(storage, "outbox") == 1
    import_lines(settings, tmp_path, raw("message.delivered", subject="m1", to_sandbox_id="sb_2"))
    assert count(storage, "outbox") == 0


def schedule(world: World, tmp_path: Path, *types: str, deliver: bool = False) -> None:
    """Imports a schedule of hours that was made a week ago, and further reports of it, a minute apart."""
    week_ago = world.now - timedelta(days=7)
    events = [raw("schedule.created", subject="s", expression="0 * * * *", missed="all", time=written_time(week_ago))]
    for minutes, type_ in enumerate(types, 1):
        events.append(raw(type_, subject="s", time=written_time(week_ago + timedelta(minutes=minutes))))
    assert import_lines(world.settings, tmp_path, *events, deliver=deliver).recorded == len(events)


@pytest.fixture
def _at_the_worlds_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("storage.ledger.schedule_due", "workers.recorder"):
        monkeypatch.setattr(f"flowledger.{module}.now", world.clock)


@pytest.mark.usefixtures("_at_the_worlds_time")
def test_due_times_of_the_past_do_not_fire_and_those_to_come_do(world: World, tmp_path: Path) -> None:
    world.passes(minutes=30)
    schedule(world, tmp_path)
    world.passes(seconds=1)
    assert world.fired() == []
    world.passes(minutes=30)
    assert world.fired() == [datetime(2026, 3, 2, 13, tzinfo=UTC)]
    world.check()


@pytest.mark.usefixtures("_at_the_worlds_time")
def test_a_schedule_that_its_history_disables_never_fires(world: World, tmp_path: Path) -> None:
    schedule(world, tmp_path, "schedule.disabled")
    world.passes(hours=2)
    assert (world.fired(), count(world.storage, "schedule_changes")) == ([], 0)


@pytest.mark.usefixtures("_at_the_worlds_time")
def test_due_times_of_the_past_are_made_up_for_if_asked(world: World, tmp_path: Path) -> None:
    world.passes(minutes=30)
    schedule(world, tmp_path, deliver=True)
    world.passes(seconds=1)
    assert len(world.fired()) == 7 * 24


@pytest.mark.usefixtures("_at_the_worlds_time")
def test_an_import_takes_no_due_time_from_a_schedule_that_lives(world: World, tmp_path: Path) -> None:
    world.says(expression="0 * * * *", missed="all")
    world.passes(seconds=0)
    world.passes(hours=3, minutes=5, look=False)
    import_lines(world.settings, tmp_path, raw("schedule.updated", subject="s", name="n", time="2025-01-01T00:00:00Z"))
    world.passes(seconds=1)
    assert [time.hour for time in world.fired()] == [13, 14, 15]


@pytest.mark.usefixtures("_at_the_worlds_time")
@pytest.mark.parametrize("is_over", [True, False])
@pytest.mark.parametrize(("history", "event"), [((), "updated"), (("schedule.disabled",), "enabled")])
def test_an_event_that_comes_by_the_stream_makes_up_for_no_due_time_of_an_imported_schedule(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_over: bool, history: Sequence[str], event: str
) -> None:
    """Neither before the import has come to its end, nor afterwards, if its history had disabled the schedule."""
    world.passes(minutes=30)
    with monkeypatch.context() as patched:
        if not is_over:
            patched.setattr(Importer, "_finish", lambda _: None)
        schedule(world, tmp_path, *history)
    world.says(event, time=world.now)
    world.passes(seconds=1)
    assert world.fired() == []
    world.passes(minutes=30)
    assert world.fired() == [datetime(2026, 3, 2, 13, tzinfo=UTC)]
    world.check()


@pytest.mark.usefixtures("_at_the_worlds_time")
def test_a_schedule_is_not_watched_while_its_import_goes_on(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if the zones are newer: an event that disables it may be about to come."""
    with monkeypatch.context() as patched:
        patched.setattr(Importer, "_finish", lambda _: None)
        schedule(world, tmp_path)
    monkeypatch.setattr("flowledger.services.schedules.scheduler.RELEASE", "2999z")
    world.passes(hours=2)
    assert (world.fired(), world.due().next_due_at) == ([], None)


def test_old_signatures_are_checked_and_their_age_is_not(settings: Settings, storage: Storage, tmp_path: Path) -> None:
    update = {"signatures": "required", "key_file": key_file(tmp_path / "keys.json")}
    old = "2020-01-31T12:00:00Z"
    good = signed(message(time=old, id="good"))
    forged = changed(signed(message(time=old, id="forged")), subject="sb_1/other")
    bare = json.dumps(message(time=old, id="bare")).encode()
    required = settings.model_copy(update=update)
    report = import_lines(required, tmp_path, good, forged, bare)
    assert (report.recorded, report.dead) == (1, 2)
    assert {(letter.raw, letter.reason) for letter in dead_letters(storage)} == {(forged, "forged"), (bare, "forged")}
    assert import_lines(required, tmp_path, good).repeated == 1, "a copy in a file is no replay"
