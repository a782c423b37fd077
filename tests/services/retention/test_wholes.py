"""Executions, tasks and messages go as whole things, when all that belongs to them is old enough."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert

from flowledger.domain.times import written_time
from flowledger.storage import tables
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.retention import ages, large, subjects, wholes
from flowledger.storage.retention.ages import Horizons
from flowledger.storage.retention.belonging import Member
from flowledger.storage.retention.large import Inside
from flowledger.storage.retention.wholes import ROOTS, Walked
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.conftest import settings_for
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
TASKS = [f"task_{place}" for place in range(9)]


def go(storage: Storage, horizons: Horizons = ENDED) -> dict[str, int]:
    """Let go what may go. Return how many rows of each table went."""
    went: dict[str, int] = {}
    for root in ROOTS:
        walked = wholes.let_go(storage, root, horizons)
        assert (walked.busy, walked.is_done) == (0, True)
        for name, rows in walked.went.items():
            went[name] = went.get(name, 0) + rows
    return went


def small(monkeypatch: pytest.MonkeyPatch, parts: int = 4) -> None:
    """Have a whole with more parts than this be a large one."""
    monkeypatch.setattr(wholes, "SUBJECTS_AT_ONCE", parts)
    monkeypatch.setattr(large, "SUBJECTS_AT_ONCE", parts)
    monkeypatch.setattr(large, "_LOOKED_AT_ONCE", parts)


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
    monkeypatch.setattr(wholes, "_LOOKED_AT_ONCE", 4)
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


def large_execution(storage: Storage, *tasks: str, **of_last: bool) -> None:
    """An execution with a task for each of these ids; what is said of the last one is said of it alone."""
    execution(storage, OLD)
    for id_ in tasks:
        task(storage, OLD, id_, execution_id="exec_1", **(of_last if id_ == tasks[-1] else {}))


def test_a_large_execution_goes_in_several_steps(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)
    monkeypatch.setattr(subjects, "_ROWS_AT_ONCE", 5)
    looked_at = Counter[str]()
    look_at = ages.look_at

    def counting(connection: Any, parts: Sequence[Member], horizons: Horizons) -> Any:
        looked_at.update(one.id for one in parts)
        return look_at(connection, parts, horizons)

    monkeypatch.setattr(large, "look_at", counting)
    large_execution(storage, *TASKS)
    execution(storage, OLD, "exec_2")
    recorded(storage, OLD, *(("node.skipped", "exec_1", {"node": f"n{one}", "iteration": 1}) for one in range(12)))
    message(storage, OLD, "msg_1", execution_id="exec_1")
    for place in range(6):
        message(storage, OLD, f"msg_of_task_{place}", task_id="task_3")
    walked, turns, went = Walked(Counter(), 0, False), 0, Counter[str]()
    while not walked.is_done:
        inside = walked.inside and Inside.read(json.loads(json.dumps(walked.inside.written())))
        walked = wholes.let_go(storage, ROOTS[0], ENDED, after=walked.place, inside=inside, go_on=lambda: False)
        assert walked.went.total() <= 9
        went += walked.went
        turns += 1
        assert turns < 40
    assert (went["executions"], went["tasks"], went["messages"], went["execution_logs"]) == (2, 9, 7, 14)
    assert count(storage, "executions") == count(storage, "tasks") == count(storage, "execution_logs") == 0
    assert count(storage, "messages") == 0
    assert max(looked_at[id_] for id_ in TASKS) <= 3, "what was looked at is not looked at again in each turn"


def test_a_look_at_a_large_execution_lasts_no_longer_than_it_may(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(monkeypatch)
    large_execution(storage, *TASKS)
    assert wholes.are_old(storage, tables.executions, ENDED, go_on=lambda: True)
    asked: list[bool] = []

    def never() -> bool:
        asked.append(False)
        return False

    assert not wholes.are_old(storage, tables.executions, ENDED, go_on=never)
    assert len(asked) == 2, "after some of its parts, and at the end of the look"


def test_a_large_execution_with_a_part_that_has_not_ended_goes_as_a_whole(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(monkeypatch)
    large_execution(storage, *TASKS, ends=False)
    assert go(storage) == {}
    went = go(storage, Horizons(None, HORIZON))
    assert (went["executions"], went["tasks"]) == (1, 9)


@pytest.mark.parametrize("why", ["young", "held", "not ended"])
def test_a_large_execution_stops_going_at_a_part_that_stays_after_all(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    small(monkeypatch)
    large_execution(storage, *TASKS)
    changed: list[str] = []

    def changes() -> bool:
        if count(storage, "tasks") == 5 and not changed:
            changed.append(why)
            if why == "held":
                hold(storage, "task_4")
            elif why == "young":
                recorded(storage, YOUNG, ("task.logged", "task_4", {}))
            else:
                recorded(storage, OLD, ("task.started", "task_4", {"attempt": 2}))
        return True

    walked = wholes.let_go(storage, ROOTS[0], ENDED, go_on=changes)
    assert (walked.went["tasks"], walked.is_done) == (4, True)
    assert ids(storage, "tasks") == set(TASKS[4:])
    assert count(storage, "executions") == 1


def test_a_large_execution_stays_if_a_part_came_while_it_went(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(monkeypatch)
    large_execution(storage, *TASKS)

    def comes() -> bool:
        if count(storage, "tasks") == 1:
            task(storage, OLD - timedelta(days=1), "earlier", execution_id="exec_1")
        return True

    assert wholes.let_go(storage, ROOTS[0], ENDED, go_on=comes).busy == 1
    assert (ids(storage, "tasks"), count(storage, "executions")) == ({"earlier"}, 1)


def test_what_stays_is_walked_over_in_slices(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wholes, "_LOOKED_AT_ONCE", 3)
    execution(storage, YOUNG)
    for place in range(8):
        task(storage, OLD + timedelta(minutes=place), f"task_{place}", execution_id="exec_1")
    task(storage, OLD + timedelta(hours=1), "task_8")
    walked = wholes.let_go(storage, ROOTS[1], ENDED, go_on=lambda: False)
    assert (walked.place, walked.is_done) == ((OLD + timedelta(minutes=2), "task_2"), False)
    walked = wholes.let_go(storage, ROOTS[1], ENDED, after=walked.place, go_on=lambda: False)
    assert (walked.place, walked.is_done) == ((OLD + timedelta(minutes=5), "task_5"), False)
    assert wholes.let_go(storage, ROOTS[1], ENDED, after=walked.place).went["tasks"] == 1


def test_an_execution_with_more_tasks_than_sqlite_takes_parameters_goes(sqlite_url: str) -> None:
    most = 2_500
    with Storage(make_engine(settings_for(sqlite_url))) as storage:

        @event.listens_for(storage.engine, "connect")
        def _limit(connection: Any, _record: Any) -> None:
            connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, most)

        execution(storage, OLD)
        row = {"name": "many", "status": "completed", "execution_id": "exec_1", "created_at": OLD}
        by_hand(storage, *(insert(tables.tasks).values(id=f"task_{one}", **row) for one in range(most + 500)))
        went = go(storage)
        assert (went["executions"], went["tasks"]) == (1, most + 500)
