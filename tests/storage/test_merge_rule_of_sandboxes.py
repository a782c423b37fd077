"""The merge rule of workspaces and sandboxes (contract, section 3): no ranks, the last report stands."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations
from typing import Any, Final

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import DatabaseError

from flowledger.storage import tables
from flowledger.storage.unit_of_work import Storage
from tests.builders import event
from tests.storage.recording import all_rows, by_hand, empty, record, row
from tests.storage.test_merge_rule import at, moment, told

STATUSES: Final = {
    "created": "provisioning",
    "provisioning": "provisioning",
    "starting": "starting",
    "started": "running",
    "stopping": "stopping",
    "stopped": "stopped",
    "failed": "error",
}


def workspace(storage: Storage, *story: Mapping[str, Any]) -> dict[str, Any]:
    return told(storage, "workspaces", ("ws_1",), *story)


def sandbox(storage: Storage, *story: Mapping[str, Any]) -> dict[str, Any]:
    return told(storage, "sandboxes", ("sb_1",), *story)


@pytest.mark.parametrize("verb", STATUSES)
def test_of_all_reports_of_a_sandbox_the_last_stands(storage: Storage, verb: str) -> None:
    others = [event(f"sandbox.{other}", time=at(1)) for other in STATUSES if other != verb]
    row_ = sandbox(storage, *others, event(f"sandbox.{verb}", time=at(2)))
    assert (row_["status"], row_["status_at"]) == (STATUSES[verb], moment(2))


def test_a_sandbox_may_come_and_go_again_and_again(storage: Storage) -> None:
    verbs = ("created", "starting", "started", "stopping", "stopped", "starting", "started", "failed", "started")
    row_ = sandbox(storage, *(event(f"sandbox.{verb}", time=at(second)) for second, verb in enumerate(verbs, 1)))
    assert (row_["status"], row_["status_at"], row_["started_at"]) == ("running", moment(9), moment(3))
    assert (row_["error"], row_["created_at"]) == (None, moment(1))


def test_the_attempt_takes_no_part(storage: Storage) -> None:
    row_ = sandbox(
        storage, event("sandbox.failed", attempt=9, time=at(1)), event("sandbox.started", attempt=1, time=at(2))
    )
    assert row_["status"] == "running"
    row_ = workspace(
        storage, event("workspace.archived", attempt=9, time=at(1)), event("workspace.created", attempt=1, time=at(2))
    )
    assert row_["status"] == "active"


def test_a_sequence_goes_before_the_clock(storage: Storage) -> None:
    early, late = ({"sequence": number} for number in ("9", "10"))
    row_ = sandbox(
        storage,
        event("sandbox.stopped", time=at(1), attributes=late),
        event("sandbox.started", time=at(2), attributes=early),
    )
    assert (row_["status"], row_["status_at"]) == ("stopped", moment(1))


def test_source_and_then_id_decide_in_the_end(storage: Storage) -> None:
    names = [("/a", "z"), ("/b", "a"), ("/b", "b")]
    for order in permutations(("stopping", "stopped", "started")):
        empty(storage)
        named = zip(order, names, strict=True)
        reports = [event(f"sandbox.{verb}", source=source, id=id_) for verb, (source, id_) in named]
        assert sandbox(storage, *reports)["status"] == STATUSES[order[-1]]


def test_a_report_without_a_time_goes_behind_those_with_one(storage: Storage) -> None:
    row_ = sandbox(storage, event("sandbox.failed", time=None), event("sandbox.stopping", time=at(1)))
    assert (row_["status"], row_["status_at"]) == ("stopping", moment(1))


def test_what_the_last_report_leaves_out_is_null(storage: Storage) -> None:
    failed = event("sandbox.failed", time=at(1), error={"message": "no memory", "code": 137})
    stopped = event("sandbox.stopped", time=at(2), reason="nobody came")
    row_ = sandbox(storage, failed)
    assert (row_["error"], row_["reason"]) == ({"message": "no memory", "code": 137}, None)
    empty(storage)
    row_ = sandbox(storage, failed, stopped)
    assert (row_["error"], row_["reason"]) == (None, "nobody came")
    empty(storage)
    row_ = sandbox(storage, failed, stopped, event("sandbox.stopping", time=at(3)))
    assert (row_["error"], row_["reason"]) == (None, None)


def test_an_archived_workspace_says_since_when_and_why(storage: Storage) -> None:
    row_ = workspace(
        storage,
        event("workspace.created", time=at(1)),
        event("workspace.archived", time=at(2)),
        event("workspace.archived", time=at(3), reason="done"),
        event("workspace.updated", time=at(4), name="old"),
    )
    assert (row_["status"], row_["reason"], row_["archived_at"]) == ("archived", "done", moment(3))
    assert (row_["created_at"], row_["name"]) == (moment(1), "old")


def test_a_workspace_created_once_more_is_active_again(storage: Storage) -> None:
    row_ = workspace(
        storage, event("workspace.archived", time=at(2), reason="done"), event("workspace.created", time=at(3))
    )
    assert (row_["status"], row_["reason"], row_["archived_at"]) == ("active", None, None)


@pytest.mark.parametrize(("kind", "status"), [("workspace", "active"), ("sandbox", "provisioning")])
def test_who_is_only_mentioned_has_the_first_status_and_no_time_of_it(storage: Storage, kind: str, status: str) -> None:
    record(storage, event(f"{kind}.updated", subject="x", time=at(3), name="n"))
    table = {"workspace": "workspaces", "sandbox": "sandboxes"}[kind]
    row_ = row(storage, table, "x")
    assert (row_["status"], row_["created_at"], row_["name"]) == (status, moment(3), "n")
    assert row_["archived_at" if kind == "workspace" else "status_at"] is None


def test_each_field_belongs_to_the_last_that_carries_it(storage: Storage) -> None:
    row_ = sandbox(
        storage,
        event("sandbox.created", time=at(9), name="created", agent_id="a", workspace_id="w", connection={"port": 1}),
        event("sandbox.updated", time=at(1), name="updated", agent_id=None, health={"status": "well"}),
        event("sandbox.updated", time=at(2), name="updated again", connection={"host": "h"}),
    )
    assert (row_["name"], row_["agent_id"], row_["workspace_id"]) == ("updated again", None, "w")
    assert (row_["connection"], row_["health"]) == ({"host": "h"}, {"status": "well"}), "an object is one field"
    assert row_["status"] == "provisioning"


@pytest.mark.parametrize(
    "field",
    ["workspace_id", "name", "description", "agent_id", "user_id", "container_id", "agent_config", "resource_limits",
     "connection", "health"],
)  # fmt: skip
def test_null_clears_a_field_of_a_sandbox(storage: Storage, field: str) -> None:
    value: Any = {"a": 1} if field in ("agent_config", "resource_limits", "connection", "health") else "x"
    assert sandbox(storage, event("sandbox.created", **{field: value}))[field] == value
    empty(storage)
    row_ = sandbox(storage, event("sandbox.created", **{field: value}), event("sandbox.updated", **{field: None}))
    assert row_[field] is None


@pytest.mark.parametrize("field", ["name", "description", "user_id", "settings"])
def test_null_clears_a_field_of_a_workspace(storage: Storage, field: str) -> None:
    value: Any = {"a": 1} if field == "settings" else "x"
    assert workspace(storage, event("workspace.created", **{field: value}))[field] == value
    empty(storage)
    row_ = workspace(storage, event("workspace.created", **{field: value}), event("workspace.updated", **{field: None}))
    assert row_[field] is None


def test_references_need_not_exist_and_make_no_rows(storage: Storage) -> None:
    record(storage, event("sandbox.created", workspace_id="nowhere"), event("task.created", sandbox_id="nobody"))
    rows = all_rows(storage)
    assert (list(rows["workspaces"]), list(rows["sandboxes"])) == ([], [("sb_1",)])


def test_an_archived_workspace_leaves_its_sandboxes_alone(storage: Storage) -> None:
    record(storage, event("sandbox.started", time=at(1)), event("sandbox.updated", workspace_id="ws_1"),
           event("workspace.archived", time=at(2)))  # fmt: skip
    assert row(storage, "sandboxes", "sb_1")["status"] == "running"


@pytest.mark.parametrize(
    ("table", "wrong"),
    [
        ("workspaces", {"status": "pending"}),
        ("workspaces", {"name": ""}),
        ("sandboxes", {"status": "active"}),
        ("sandboxes", {"name": "x" * 256}),
    ],
)
def test_the_schema_itself_refuses_what_no_event_can_say(storage: Storage, table: str, wrong: dict[str, str]) -> None:
    row_ = {"id": "x", "created_at": moment(1)}
    by_hand(storage, insert(tables.metadata.tables[table]).values(row_))
    with pytest.raises(DatabaseError, match=r"(?i)check constraint"):
        by_hand(storage, insert(tables.metadata.tables[table]).values(row_ | {"id": "y"} | wrong))
