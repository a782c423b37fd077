"""Executions, tasks and messages go as whole things, when all that belongs to them is old enough."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert

from flowledger.domain.times import written_time
from flowledger.storage import tables
from flowledger.storage.retention import wholes
from flowledger.storage.retention.wholes import ROOTS, Horizons
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.services.retention.recording import (
    HORIZON,
    NOW,
    OLD,
    YOUNG,
    at,
    execution,
    hold,
    ids,
    message,
    recorded,
    task,
)
from tests.storage.recording import by_hand, count, record

ENDED = Horizons(HORIZON, None)


def go(storage: Storage, horizons: Horizons = ENDED) -> dict[str, int]:
    """Let go what may go. Return how many rows of each table went."""
    went: dict[str, int] = {}
    for root in ROOTS:
        walked = wholes.let_go(storage, root, horizons)
        assert (walked.busy, walked.is_done) == (0, True)
        for name, rows in walked.went.items():
            went[name] = went.get(name, 0) + rows
    return went


def test_an_execution_goes_with_all_that_belongs_to_it(storage: Storage) -> None:
    execution(storage, OLD)
    task(storage, OLD, "task_1", execution_id="exec_1")
    message(storage, OLD, "msg_1", execution_id="exec_1")
    message(storage, OLD, "msg_2", task_id="task_1")
    execution(storage, YOUNG, "exec_2")
    assert go(storage) == {
        "executions": 1, "execution_failures": 1, "execution_logs": 1, "tasks": 1, "task_failures": 1,
        "messages": 2, "message_deliveries": 2,
    }  # fmt: skip
    assert ids(storage, "executions") == {"exec_2"}
    assert count(storage, "tasks") == count(storage, "messages") == count(storage, "message_deliveries") == 0
    assert count(storage, "events") == 13
    assert go(storage) == {}


@pytest.mark.parametrize("part", ["execution", "task", "message", "message of its task"])
@pytest.mark.parametrize("why", ["young", "unfinished", "held", "ends later"])
def test_an_execution_stays_whole_for_any_of_its_parts(storage: Storage, part: str, why: str) -> None:
    execution(storage, OLD, ends=(part, why) != ("execution", "unfinished"))
    task(storage, OLD, ends=(part, why) != ("task", "unfinished"), execution_id="exec_1")
    message(storage, OLD, "msg_1", ends=(part, why) != ("message", "unfinished"), execution_id="exec_1")
    message(storage, OLD, "msg_2", ends=(part, why) != ("message of its task", "unfinished"), task_id="task_1")
    subject = {"execution": "exec_1", "task": "task_1", "message": "msg_1", "message of its task": "msg_2"}[part]
    if why == "young":
        touched = {"to_sandbox_id": "sb_3"} if subject.startswith("msg") else {}
        kind = {"e": "execution.logged", "t": "task.logged", "m": "message.delivered"}[subject[0]]
        recorded(storage, HORIZON, (kind, subject, touched))
    if why == "held":
        hold(storage, subject)
    if why == "ends later":
        if subject.startswith("msg"):
            pytest.skip("a message has no end")
        with at(OLD):
            record(storage, raw(f"{part}.timed_out", subject=subject, attempt=2, time=written_time(HORIZON)))
    assert go(storage) == {}
    assert (count(storage, "executions"), count(storage, "tasks"), count(storage, "messages")) == (1, 1, 2)


def test_a_message_that_waits_in_the_outbox_is_unfinished(storage: Storage) -> None:
    by_hand(storage, insert(tables.sandboxes).values(id="sb_3", workspace_id="ws_1", created_at=OLD))
    recorded(
        storage, OLD, ("message.sent", "msg_1", {"workspace_id": "ws_1", "broadcast": True, "to_sandbox_ids": None})
    )
    assert (count(storage, "outbox"), count(storage, "message_deliveries")) == (1, 0)
    assert go(storage) == {}
    assert go(storage, Horizons(None, HORIZON)) == {"messages": 1, "outbox": 1}


def test_what_never_ended_goes_by_days_of_its_own(storage: Storage) -> None:
    execution(storage, OLD, ends=False)
    task(storage, OLD, execution_id="exec_1")
    execution(storage, OLD, "exec_2")
    task(storage, OLD, "task_2", execution_id="exec_2", ends=False)
    execution(storage, OLD, "exec_3")
    recorded(storage, YOUNG, ("execution.logged", "exec_1", {}))
    went = go(storage, Horizons(None, HORIZON))
    assert (went["executions"], went["tasks"]) == (1, 1)
    assert ids(storage, "executions") == {"exec_1", "exec_3"}
    assert go(storage, Horizons(None, YOUNG + timedelta(seconds=1)))["executions"] == 1
    assert ids(storage, "executions") == {"exec_3"}
    assert go(storage, Horizons(HORIZON, None))["executions"] == 1


def test_tasks_and_messages_without_an_owner_go_by_themselves(storage: Storage) -> None:
    task(storage, OLD, "task_1")
    message(storage, OLD, "msg_1", task_id="task_1")
    task(storage, OLD, "task_2", execution_id="exec_gone")
    message(storage, OLD, "msg_2")
    message(storage, OLD, "msg_3", execution_id="exec_gone", task_id="task_3")
    message(storage, OLD, "msg_4", task_id="task_gone")
    task(storage, YOUNG, "task_3")
    message(storage, OLD, "msg_5", task_id="task_3")
    execution(storage, YOUNG, "exec_1")
    task(storage, OLD, "task_4", execution_id="exec_1")
    went = go(storage)
    assert (went["tasks"], went["messages"]) == (2, 4)
    assert (ids(storage, "tasks"), ids(storage, "messages")) == ({"task_3", "task_4"}, {"msg_5"})


def test_a_late_event_makes_a_row_of_itself_alone_and_that_goes_too(storage: Storage) -> None:
    execution(storage, OLD)
    assert go(storage)["executions"] == 1
    recorded(storage, YOUNG, ("node.skipped", "exec_1", {"node": "b", "iteration": 2}))
    assert (count(storage, "executions"), count(storage, "execution_logs")) == (1, 1)
    assert go(storage, Horizons(NOW, None)) == {}
    assert go(storage, Horizons(NOW, NOW)) == {"executions": 1, "execution_logs": 1}


def test_a_subject_without_a_name_is_as_old_as_can_be(storage: Storage) -> None:
    task(storage, YOUNG)
    by_hand(storage, tables.events.delete(), tables.tasks.update().values(finished_at=OLD, created_at=OLD))
    assert go(storage)["tasks"] == 1


def test_a_walk_goes_on_where_it_stopped(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wholes, "_ROOTS_AT_ONCE", 3)
    for place in range(10):
        task(storage, OLD + timedelta(minutes=place), f"task_{place}")
    hold(storage, "task_1")
    left = iter([True, False])
    walked = wholes.let_go(storage, ROOTS[1], ENDED, go_on=lambda: next(left))
    assert walked.place == (OLD + timedelta(minutes=3), "task_3")
    assert (walked.went["tasks"], walked.is_done) == (3, False)
    walked = wholes.let_go(storage, ROOTS[1], ENDED, after=walked.place)
    assert (walked.went["tasks"], walked.is_done) == (6, True)
    assert ids(storage, "tasks") == {"task_1"}


def test_a_large_execution_goes_in_several_steps(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wholes, "_SUBJECTS_AT_ONCE", 4)
    monkeypatch.setattr(wholes, "_ROWS_AT_ONCE", 5)
    execution(storage, OLD)
    execution(storage, OLD, "exec_2")
    recorded(storage, OLD, *(("node.skipped", "exec_1", {"node": f"n{one}", "iteration": 1}) for one in range(12)))
    for place in range(9):
        task(storage, OLD, f"task_{place}", execution_id="exec_1")
    walked = wholes.let_go(storage, ROOTS[0], ENDED, go_on=lambda: False)
    assert 0 < walked.went.total() < 9
    assert not walked.is_done
    assert count(storage, "executions") == 2
    walked = wholes.let_go(storage, ROOTS[0], ENDED)
    assert count(storage, "executions") == count(storage, "tasks") == count(storage, "execution_logs") == 0
    assert walked.is_done
