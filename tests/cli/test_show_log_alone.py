"""`flowledger show` knows an id by its log alone, if logs are kept for longer than rows (retention)."""

from __future__ import annotations

import pytest

from flowledger.services.retention.rounds import Maintenance
from flowledger.storage.unit_of_work import Storage
from tests.cli.calling import Run
from tests.services.retention.recording import NOW, OLD, execution, recorded, task
from tests.services.retention.test_rounds import ALL
from tests.storage.recording import count


def let_go(storage: Storage) -> None:
    """Let go all rows that are old, and keep log lines for a year."""
    Maintenance(storage, ALL._replace(logs=365.0), clock=lambda: NOW).turn()
    assert (count(storage, "executions"), count(storage, "tasks")) == (0, 0)


@pytest.mark.parametrize("id_", ["task_1", "exec_1"])
def test_the_log_is_shown_of_what_has_no_row_any_more(run: Run, storage: Storage, id_: str) -> None:
    task(storage, OLD)
    execution(storage, OLD)
    lines = [
        (f"{id_.partition('_')[0]}.logged".replace("exec.", "execution."), id_, {"message": f"line {n}"})
        for n in range(9)
    ]
    recorded(storage, OLD, *lines)
    before = run("show", id_, "--json").json
    let_go(storage)
    shown = run("show", id_)
    assert (shown.code, shown.err) == (0, "")
    assert all(f"line {number}" in shown.out for number in range(9))
    found = run("show", id_, "--json").json
    assert (found["task"], found["execution"], found["nodes"], found["tasks"]) == (None, None, [], [])
    assert found["log"] == before["log"]
    part = run("show", id_, "--tail", "4", "--json").json
    assert (part["totals"]["log"], part["log"]) == (len(found["log"]), found["log"][-4:])
    more = run("show", id_, "--tail", "4", "--after", part["next"]["log"], "--json").json
    assert (more["totals"]["log"], more["log"]) == (len(found["log"]), found["log"][-8:-4])
    followed = run("show", id_, "--follow")
    assert (followed.code, "is not recorded as an execution or a task" in followed.err) == (1, True)


def test_an_execution_is_shown_without_its_log_if_that_went_before(run: Run, storage: Storage) -> None:
    execution(storage, OLD)
    recorded(storage, OLD, ("execution.logged", "exec_1", {}))
    Maintenance(storage, ALL._replace(rows=365.0), clock=lambda: NOW).turn()
    found = run("show", "exec_1", "--json").json
    assert (found["execution"]["id"], found["log"]) == ("exec_1", [])


def test_of_an_id_of_two_kinds_the_log_that_there_is_is_shown(run: Run, storage: Storage) -> None:
    recorded(storage, NOW, ("execution.created", "x", {}), ("task.created", "x", {}), ("task.logged", "x", {}))
    assert len(run("show", "x", "--json").json["log"]) == 1


def test_why_shows_the_lines_of_what_has_no_row_any_more(run: Run, storage: Storage) -> None:
    task(storage, OLD)
    let_go(storage)
    told = run("why", "task_1", "--json")
    assert (told.code, {group["table"] for group in told.json["groups"]}) == (0, {"task_logs"})
