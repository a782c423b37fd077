"""Everything of a subject goes, what is others' stays, and nothing brings it back."""

from __future__ import annotations

import random

import pytest
from sqlalchemy import select

from flowledger.services.erasing.eraser import CannotErase, Eraser
from flowledger.storage import tables
from flowledger.storage.retention.erasures import ErasureRepository
from flowledger.workers.verify import verify
from tests.builders import raw
from tests.services.erasing.canaries import CANARY, ends, found_in_file, found_in_redis, found_in_tables, run
from tests.services.erasing.conftest import Scene
from tests.storage.recording import all_rows, by_hand, count, dead_letters

NAMES = [f"{number:02}" for number in range(12)]
GONE = NAMES[:4]


def said(name: str) -> str:
    return CANARY if name in GONE else f"kept {name}"


def fill(scene: Scene) -> None:
    events = [event for name in NAMES for event in (*run(name, said(name)), *ends(name, said(name)))]
    random.Random(1).shuffle(events)
    scene.publish(raw("user.created", subject="usr_1", email="a@example.org", name="Jo"), *events)
    scene.drain()
    scene.look()
    scene.drain()


@pytest.mark.leaves("ledger:inbox:sbx_1", "ledger:inbox:sbx_2")
def test_nothing_is_left_of_what_is_erased_and_the_rest_is_as_it_was(scene: Scene) -> None:
    fill(scene)
    assert {"tasks", "executions", "messages", "dead_letters", "audit_logs", "task_logs"} <= {
        *found_in_tables(scene.storage)
    }
    assert found_in_redis(scene.client) == ["ledger:inbox:sbx_1", "ledger:inbox:sbx_2"]
    before = all_rows(scene.storage)
    erased = scene.erase(*(f"exec_{name}" for name in GONE))
    assert (erased.subjects, erased.messages, erased.dead_letters, erased.unfinished) == (20, 16, 12, 0)
    assert found_in_tables(scene.storage) == []
    assert found_in_redis(scene.client) == []
    after = all_rows(scene.storage)
    for table in ("executions", "tasks", "messages", "task_logs", "execution_logs", "message_deliveries"):
        kept = {key: row for key, row in before[table].items() if not any(f"_{name}" in str(key) for name in GONE)}
        if table != "task_logs":
            assert after[table] == kept, table
        assert len(after[table]) * 12 == len(before[table]) * 8, table
    assert sorted(scene.ids("sbx_1")) == sorted(f"msg_{name}_{n}" for name in NAMES[4:] for n in range(2))
    report = verify(scene.storage, mend=True)
    assert (report.differences, report.mended) == (0, None), report.first
    assert report.gone == erased.events > 0
    assert all_rows(scene.storage) == after
    assert found_in_file(scene.storage) == []


@pytest.mark.leaves("ledger:inbox:sbx_1", "ledger:inbox:sbx_2")
def test_late_and_repeated_events_bring_nothing_back(scene: Scene) -> None:
    events = [event for name in GONE for event in run(name, CANARY)]
    scene.publish(*events[::2])
    scene.drain()
    scene.erase(*(f"exec_{name}" for name in GONE))
    late = [*events, *(event for name in GONE for event in (*run(name, CANARY, tasks=5), *ends(name, CANARY)[:2]))]
    random.Random(2).shuffle(late)
    scene.publish(*late, raw("task.created", subject="another", execution_id="exec_another"))
    scene.drain()
    scene.look()
    Eraser(scene.settings, scene.storage, scene.client).go_on()  # parts that began after their own events
    assert found_in_tables(scene.storage) == found_in_redis(scene.client) == []
    assert dead_letters(scene.storage) == []
    assert list(all_rows(scene.storage)["tasks"]) == [("another",)]
    with scene.storage.reading() as connection:
        named = set(connection.execute(select(tables.events.c.id)).scalars())
    assert len(named) == count(scene.storage, "events") > len(events)
    assert verify(scene.storage).differences == 0


def test_an_event_that_names_a_workspace_or_an_agent_is_recorded_as_usual(scene: Scene) -> None:
    scene.publish(
        raw("workspace.created", subject="ws_1", name=CANARY),
        raw("agent.created", subject="agent_1", name=CANARY, workspace_id="ws_2"),
        raw("task.created", subject="inside", workspace_id="ws_1", name=CANARY),
        raw("task.created", subject="by", agent_id="agent_1", name="kept"),
    )
    scene.drain()
    assert scene.erase("ws_1", "agent_1").subjects == 3
    assert found_in_tables(scene.storage) == []
    assert list(all_rows(scene.storage)["tasks"]) == [("by",)]
    scene.publish(raw("task.created", subject="later", workspace_id="ws_1", agent_id="agent_1", name="kept"))
    scene.drain()
    assert set(all_rows(scene.storage)["tasks"]) == {("by",), ("later",)}


def test_what_is_held_or_unknown_is_refused_and_nothing_begins(scene: Scene) -> None:
    scene.publish(*run("00", "said"), *run("01", "said"))
    scene.drain()
    by_hand(scene.storage, tables.held.insert().values([{"subject": "task_00_1"}, {"subject": "exec_01"}]))
    with pytest.raises(CannotErase, match=r"held: exec_01, task_00_1 \(of exec_00\); .* nothing was erased"):
        scene.erase("exec_00", "exec_01")
    with pytest.raises(CannotErase, match="nothing is known of exec_oo, exec_2; nothing was erased"):
        scene.erase("exec_00", "exec_oo", "exec_2")
    assert count(scene.storage, "erasures") == 0
    assert len(all_rows(scene.storage)["executions"]) == 2


def test_who_erased_what_and_why_stays(scene: Scene) -> None:
    scene.publish(*run("00", "said"))
    scene.drain()
    scene.erase("exec_00")
    with scene.storage.reading() as connection:
        found = ErasureRepository(connection).of(["exec_00", "task_00_0", "msg_00_1"])
    assert {one.erased_with for one in found.values()} == {None, "exec_00"}
    assert {(one.why, one.erased_by) for one in found.values()} == {("asked for", "jo")}
    assert all(one.done_at is not None for one in found.values())
