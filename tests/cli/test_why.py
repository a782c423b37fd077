"""`flowledger why`: owners and losers, in words and as JSON."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from flowledger.storage.unit_of_work import Storage
from tests.builders import ABSENT, raw
from tests.cli.calling import Run
from tests.storage.recording import by_hand, record, without_text


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough here: `test_provenance` has both."""
    return sqlite_url


def test_each_group_has_its_owner(run: Run, storage: Storage) -> None:
    record(storage, raw("task.created", id="c", name="n", kind="k"), raw("task.failed", id="f", source="/worker"))
    found = run("why", "task_1", "--json")
    assert found.code == 0
    by_column = {column: group for group in found.json["groups"] for column in group["columns"]}
    status = by_column["status"]
    assert (status["group"], status["table"], status["row"]) == ("status", "tasks", {"id": "task_1"})
    assert (status["owner"]["source"], status["owner"]["id"], status["owner"]["attempt"]) == ("/worker", "f", 1)
    assert [(one["id"], one["reason"]) for one in status["losers"]] == [
        ("c", "`pending` (rank 0) is below `failed` (rank 4)")
    ]
    assert by_column["name"]["owner"]["id"] == "c"
    assert by_column["progress"]["owner"] is None
    assert by_column["failed_at"]["table"] == "task_failures"
    assert (found.json["damaged"], found.json["unreadable"], found.json["events"]) == ([], [], 2)


def test_people_see_the_same_in_few_lines(run: Run, storage: Storage) -> None:
    record(storage, raw("task.created", id="c", name="n", kind="k"), raw("task.failed", id="f", source="/worker"))
    lines = [line.strip() for line in run("why", "task_1").out.splitlines()]
    assert lines[0] == "task task_1 failed"
    assert "owner  task.failed  /worker f  2026-01-31 12:00:00" in lines
    assert "name kind" in lines
    assert any(line.startswith("nobody set  execution_id") for line in lines)
    assert lines[-1] == "rows that belong to it: --of log"


def test_a_column_shows_its_group_alone(run: Run, storage: Storage) -> None:
    record(storage, raw("task.created", id="c", name="n"), raw("task.failed", id="f"))
    found = run("why", "task_1", "error")
    assert "status attempt error" in found.out
    assert "name" not in found.out
    assert "no event owns it" in run("why", "task_1", "id").out


def test_an_unknown_column_is_answered_with_those_there_are(run: Run, storage: Storage) -> None:
    record(storage, raw("task.created"))
    found = run("why", "task_1", "colour")
    assert found.code == 2
    assert "no column 'colour'" in " ".join(found.err.split())
    assert "progress_message" in found.err
    assert "status_key" not in found.err


def test_rows_that_belong_to_an_id_are_asked_for(run: Run, storage: Storage) -> None:
    record(storage, *(raw("node.started", subject="e", id=f"s{n}", node=f"n{n}") for n in range(3)))
    assert "--of nodes, --of log" in run("why", "e").out
    rows = run("why", "e", "status", "--of", "nodes", "--json").json["groups"]
    assert [(one["row"]["node"], one["owner"]["id"]) for one in rows] == [("n0", "s0"), ("n1", "s1"), ("n2", "s2")]
    assert [
        one["row"]["node"]
        for one in run("why", "e", "status", "--of", "nodes", "--key", "node=n2", "--json").json["groups"]
    ] == ["n2"]
    assert run("why", "e", "--of", "rows").code == 2
    assert run("why", "e", "--of", "nodes", "--key", "n2").code == 2
    assert "no such rows" in run("why", "e", "--of", "nodes", "--key", "node=n9").err


def test_an_id_of_several_kinds_has_the_rows_of_all(run: Run, storage: Storage) -> None:
    record(storage, raw("task.created", subject="s"), raw("agent.created", subject="s"))
    assert {one["kind"] for one in run("why", "s", "--json").json["groups"]} == {"task", "agent"}


def test_metrics_have_rows_without_a_subject(run: Run, storage: Storage) -> None:
    record(storage, raw("metric.recorded", id="p", subject="host"))
    found = run("why", "host", "--json").json["groups"]
    assert {one["table"] for one in found} == {"metrics", "metric_hours", "metric_days"}
    assert [one["added"][0]["id"] for one in found if one["group"] == "sums"] == ["p", "p"]
    assert "added  metric.recorded" in run("why", "host").out


def test_an_id_that_is_not_recorded_is_told_as_show_tells_it(run: Run, storage: Storage) -> None:
    assert "nothing recorded has the id 'x'" in run("why", "x").err
    record(storage, raw("task.failed", subject="x", error=ABSENT))
    found = run("why", "x")
    assert found.code == 1
    assert "but 1 dead letter about it" in found.err


def test_damage_is_told_with_the_command_that_mends(run: Run, storage: Storage) -> None:
    record(storage, raw("task.completed", output=1))
    by_hand(storage, text("UPDATE tasks SET output = '2'"))
    found = run("why", "task_1")
    assert found.code == 1
    assert "not as the journal says (different: output): flowledger verify --repair" in found.out
    damaged = run("why", "task_1", "--json").json["damaged"]
    assert damaged == [{"table": "tasks", "row": {"id": "task_1"}, "kind": "different", "columns": ["output"]}]


def test_a_text_that_is_gone_is_told(run: Run, storage: Storage) -> None:
    record(storage, raw("task.completed", id="c"), raw("task.created", id="d"))
    by_hand(storage, without_text("c"))
    found = run("why", "task_1")
    assert found.code == 0
    assert "the texts of 1 of 2 events are gone or damaged (/tests c)" in found.out
    assert "cannot be computed any more" in found.out


def test_a_long_list_of_losers_is_cut(run: Run, storage: Storage) -> None:
    record(storage, *(raw("task.progressed", id=f"p{n}", progress=0.5, attributes={"sequence": n}) for n in range(9)))
    assert "and 3 more lost: --limit 8" in run("why", "task_1", "progress").out
    assert "more lost" not in run("why", "task_1", "progress", "--limit", "8").out
    (group,) = run("why", "task_1", "progress", "--limit", "2", "--json").json["groups"]
    assert ([one["id"] for one in group["losers"]], group["lost"]) == (["p7", "p6"], 8)
