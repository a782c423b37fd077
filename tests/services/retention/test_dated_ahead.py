"""What is dated in the future goes by age as all else does."""

from __future__ import annotations

from collections import Counter

import pytest

from flowledger.storage import tables
from flowledger.storage.retention import wholes
from flowledger.storage.retention.ages import Horizons
from flowledger.storage.retention.belonging import Key
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.services.retention.recording import HORIZON, NOW, OLD, YOUNG, at, execution, hold, ids, recorded, task
from tests.services.retention.test_wholes import ENDED, go
from tests.storage.recording import record

FUTURE = "2999-01-01T00:00:00Z"


def dated_ahead(storage: Storage, *events: tuple[str, str]) -> None:
    with at(OLD):
        given = [raw(kind, subject=subject, time=FUTURE) for kind, subject in events]
        assert record(storage, *given).recorded == len(given)


def test_a_time_in_the_future_keeps_nothing(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wholes, "_LOOKED_AT_ONCE", 2)
    task(storage, OLD, "task_0")
    begun = [("execution.created", f"exec_{place}") for place in range(5)]
    dated_ahead(storage, *begun, ("execution.failed", "exec_0"), ("execution.failed", "exec_4"))
    dated_ahead(storage, ("task.created", "task_1"), ("task.failed", "task_1"), ("task.created", "task_2"))
    recorded(storage, YOUNG, ("execution.logged", "exec_4", {}))
    execution(storage, YOUNG, "exec_5")
    assert go(storage, ENDED)["tasks"] == 1, "without the time of the day it is not known what is in the future"
    went = go(storage, Horizons(HORIZON, None, NOW))
    assert (went["executions"], went["tasks"]) == (1, 1)
    assert ids(storage, "executions") == {"exec_1", "exec_2", "exec_3", "exec_4", "exec_5"}
    went = go(storage, Horizons(HORIZON, HORIZON, NOW))
    assert (went["executions"], went["tasks"]) == (3, 1)
    assert ids(storage, "executions") == {"exec_4", "exec_5"}


def test_a_walk_over_the_future_goes_on_where_it_ended(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wholes, "_LOOKED_AT_ONCE", 2)
    monkeypatch.setattr(wholes, "_ROOTS_AT_ONCE", 1)
    task(storage, OLD, "task_9")
    for number in range(5):
        dated_ahead(storage, ("task.created", f"task_{number}"), ("task.failed", f"task_{number}"))
    hold(storage, "task_1")
    place: Key | None = None
    turns = 0
    while True:
        walked = wholes.let_go(
            storage, tables.tasks, Horizons(HORIZON, None, NOW), after=place, went=Counter(), go_on=lambda: False
        )
        turns += 1
        assert turns < 20
        if walked.is_done:
            break
        place = walked.place
    assert turns > 5
    assert ids(storage, "tasks") == {"task_1"}
