"""Who may say it, if signatures are required: the ledger alone says that a schedule fired, at any time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from flowledger.domain.settings import Settings
from flowledger.domain.signatures import speakers
from flowledger.domain.times import now, written_time
from flowledger.workers.authority import guard_of
from flowledger.workers.recorder import Recorded, Recorder
from tests.builders import event, parsed, to_bytes
from tests.services.schedules.world import World
from tests.signing import key_file, signed
from tests.storage.recording import count, dead_letters
from tests.vocabulary import FIELDS
from tests.workers.speaking import record

GOVERNED: Final = [
    type_ for type_ in FIELDS if type_.partition(".")[0] in ("user", "schedule", "webhook", "mcp_server", "audit")
]


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """Signatures are required."""
    return settings.model_copy(update={"signatures": "required", "key_file": key_file(tmp_path / "keys.json")})


@pytest.fixture
def recorder(world: World) -> Recorder:
    return Recorder(world.storage, world.settings.limits, guard_of(world.settings))


def says(recorder: Recorder, by: str | None, type_: str, **arguments: Any) -> Recorded:
    value = event(type_, **{"time": written_time(now())} | arguments)
    return record(recorder, to_bytes(value) if by is None else signed(value, by))


def test_what_is_fired_a_week_late_is_signed_and_recorded(world: World, recorder: Recorder) -> None:
    """The due times are long ago by every clock, as are those that are published twice."""
    world.now = now() - timedelta(days=40)
    created = world.now
    schedule = {"expression": "1h", "missed": "all", "workflow_id": "wf"}
    assert says(recorder, "/registrar", "schedule.created", subject="s", id="1", **schedule).recorded == 1
    with world.storage.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE schedules SET created_at = '" + created.isoformat(" ") + "'")
    world.passes(days=7, minutes=30)
    assert len(world.fired()) == 7 * 24
    with world.storage.engine.begin() as connection:
        done = created.isoformat(" ")
        connection.exec_driver_sql(f"UPDATE schedule_due SET done_until = '{done}', next_due_at = '{done}'")
    world.passes(seconds=0)
    assert len(world.fired()) == 7 * 24
    assert dead_letters(world.storage) == []


@pytest.mark.parametrize("type_", GOVERNED)
@pytest.mark.parametrize("by", ["/flowledger", "/registrar"])
def test_both_may_govern(recorder: Recorder, type_: str, by: str) -> None:
    by_ledger_alone = type_ == "schedule.fired" and by == "/registrar"
    assert says(recorder, by, type_).recorded == (0 if by_ledger_alone else 1)


@pytest.mark.parametrize("type_", GOVERNED)
@pytest.mark.parametrize("by", [None, "sb_1", "ws_1"])
def test_nobody_else_may(world: World, recorder: Recorder, type_: str, by: str | None) -> None:
    assert says(recorder, by, type_) == Recorded(dead=1)
    assert [letter.reason for letter in dead_letters(world.storage)] == ["forged"]
    assert count(world.storage, "events") == 0


@pytest.mark.parametrize("source", ["/flowledger", "/flowledger/schedules", "/flowledger/x/y", "/flowledger/"])
@pytest.mark.parametrize("by", [None, "/registrar", "sb_1"])
def test_sources_of_the_ledger_are_the_ledgers(recorder: Recorder, source: str, by: str | None) -> None:
    assert says(recorder, by, "execution.created", source=source) == Recorded(dead=1)
    assert says(recorder, "/flowledger", "execution.created", source=source) == Recorded(recorded=1)


def test_a_source_that_only_begins_alike_is_anybodys() -> None:
    assert speakers(parsed("execution.created", source="/flowledgers")) == ()


def test_others_stay_bound_to_their_time(world: World, recorder: Recorder) -> None:
    old = written_time(now() - timedelta(days=2))
    assert says(recorder, "/registrar", "schedule.created", time=old) == Recorded(dead=1)
    assert [letter.reason for letter in dead_letters(world.storage)] == ["replayed"]
    assert says(recorder, "/flowledger", "schedule.created", time=old) == Recorded(recorded=1)


def test_only_of_schedules_another_content_is_a_repeat(recorder: Recorder) -> None:
    for source, outcome in [
        ("/flowledger/schedules", Recorded(repeated=1)),
        ("/flowledger/other", Recorded(dead=1)),
    ]:
        for workflow, wanted in [("a", Recorded(recorded=1)), ("b", outcome)]:
            told = {"source": source, "id": "1", "workflow_id": workflow}
            assert says(recorder, "/flowledger", "execution.created", **told) == wanted
