"""Collaborations: the ranks of a task with the times of a record, members, look-ups (contract, sections 3 to 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from flowledger.storage.kinds.collaborations import CollaborationRepository
from flowledger.storage.unit_of_work import Storage
from tests.builders import event, raw
from tests.domain.refusing import refusal
from tests.storage.recording import empty, record
from tests.storage.test_merge_rule import at, moment, told


def collaboration(storage: Storage, *story: Mapping[str, Any]) -> dict[str, Any]:
    return told(storage, "collaborations", ("collab_1",), *story)


def test_a_late_start_does_not_reopen_it(storage: Storage) -> None:
    row = collaboration(
        storage,
        event("collaboration.completed", time=at(5), output={"a": None}),
        event("collaboration.started", time=at(9)),
        event("collaboration.created", time=at(1), goal="all"),
    )
    assert (row["status"], row["output"], row["goal"]) == ("completed", {"a": None}, "all")
    assert (row["started_at"], row["finished_at"], row["updated_at"]) == (moment(9), moment(5), moment(9))


def test_a_new_attempt_reopens_it_and_takes_the_group_along(storage: Storage) -> None:
    row = collaboration(
        storage,
        event("collaboration.failed", time=at(2), error={"message": "no"}),
        event("collaboration.started", time=at(1), attempt=2),
    )
    assert (row["status"], row["attempt"], row["error"], row["finished_at"]) == ("running", 2, None, None)


def test_of_two_ends_the_later_stands_as_a_whole(storage: Storage) -> None:
    row = collaboration(
        storage,
        event("collaboration.completed", time=at(2), output=7),
        event("collaboration.cancelled", time=at(3), reason="too late"),
    )
    assert (row["status"], row["reason"], row["output"]) == ("cancelled", "too late", None)


def test_progress_goes_by_attempt_and_then_by_time(storage: Storage) -> None:
    row = collaboration(
        storage,
        event("collaboration.progressed", time=at(1), progress=0.1, attempt=2),
        event("collaboration.progressed", time=at(9), progress=0.9, message="nearly"),
        event("collaboration.completed", time=at(10), attempt=2),
    )
    assert (row["progress"], row["progress_message"], row["status"]) == (0.1, None, "completed")


def test_the_output_of_completed_may_be_null_and_goal_is_cleared_by_null(storage: Storage) -> None:
    record(storage, event("collaboration.completed", subject="null", output=None))
    record(storage, event("collaboration.completed", subject="none"))
    with storage.reading() as connection:
        table = CollaborationRepository.table
        unsaid = connection.execute(table.select().where(table.c.output.is_(None))).all()
        assert [row.id for row in unsaid] == ["none"], "null was reported for the other"
    empty(storage)
    row = collaboration(
        storage,
        event("collaboration.created", time=at(1), goal=[1], mode="m"),
        event("collaboration.updated", time=at(2), goal=None),
        event("collaboration.created", time=at(3), goal=None),
    )
    assert (row["goal"], row["mode"]) == (None, "m")


def test_deleted_takes_no_part_in_the_status(storage: Storage) -> None:
    row = collaboration(
        storage,
        event("collaboration.deleted", time=at(3), reason="old"),
        event("collaboration.restored", time=at(2), attempt=9),
        event("collaboration.started", time=at(1)),
    )
    assert (row["deleted_at"], row["status"], row["reason"], row["attempt"]) == (moment(3), "running", None, 1)


@pytest.mark.parametrize(
    ("type_", "data", "field"),
    [
        ("collaboration.created", {"member_ids": "a"}, "data.member_ids"),
        ("collaboration.created", {"member_ids": [""]}, "data.member_ids.0"),
        ("collaboration.created", {"execution_ids": ["a", 1]}, "data.execution_ids.1"),
        ("collaboration.created", {"name": "\t"}, "data.name"),
        ("collaboration.progressed", {"progress": 1.5}, "data.progress"),
        ("collaboration.failed", {"error": {}}, "data.error.message"),
    ],
)
def test_what_a_field_does_not_take(type_: str, data: dict[str, Any], field: str) -> None:
    refused = refusal(raw(type_, **data))
    assert refused is not None
    assert refused[1] == field


def test_collaborations_are_found_by_who_takes_part_now(storage: Storage) -> None:
    record(
        storage,
        event("collaboration.created", subject="led", time=at(1), coordinator_id="a", member_ids=["b", "b"]),
        event("collaboration.created", subject="in", time=at(2), coordinator_id="b", member_ids=["a", "c"]),
        event("collaboration.created", subject="both", time=at(3), coordinator_id="a", member_ids=["a"]),
        event("collaboration.created", subject="left", time=at(4), member_ids=["a", "c"]),
        event("collaboration.updated", subject="left", time=at(5), member_ids=["c"]),
        event("collaboration.created", subject="nobody", time=at(6), member_ids=[]),
        event("collaboration.created", subject="unsaid", time=at(7)),
    )
    with storage.reading() as connection:
        collaborations = CollaborationRepository(connection)
        assert [one.id for one in collaborations.of_member("a").items] == ["both", "in", "led"]
        assert [one.id for one in collaborations.of_member("c").items] == ["left", "in"]
        first = collaborations.of_member("a", limit=2)
        assert [one.id for one in collaborations.of_member("a", limit=2, after=first.cursor).items] == ["led"]
        assert [one.id for one in collaborations.newest(coordinator_id="a").items] == ["both", "led"]


def test_a_late_description_brings_no_member_back(storage: Storage) -> None:
    story = [
        event("collaboration.created", time=at(1), member_ids=["old"]),
        event("collaboration.updated", time=at(2), member_ids=["new"]),
    ]
    for turn in (story, story[::-1]):
        empty(storage)
        record(storage, *turn)
        with storage.reading() as connection:
            collaborations = CollaborationRepository(connection)
            assert collaborations.of_member("old").items == ()
            assert len(collaborations.of_member("new").items) == 1


def test_lists_leave_out_the_deleted_unless_asked(storage: Storage) -> None:
    record(
        storage,
        event("collaboration.created", subject="c1", time=at(1), name="n", workspace_id="w"),
        event("collaboration.created", subject="c2", time=at(2), name="n", workspace_id="w", member_ids=["a"]),
        event("collaboration.started", subject="c2", time=at(3)),
        event("collaboration.deleted", subject="c1", time=at(4)),
    )
    with storage.reading() as connection:
        collaborations = CollaborationRepository(connection)
        assert [one.id for one in collaborations.newest(workspace_id="w").items] == ["c2"]
        assert [one.id for one in collaborations.newest(status="running").items] == ["c2"]
        assert collaborations.count(deleted=True) == 2
        by_name = collaborations.by_name("n")
        assert by_name is not None
        assert (by_name.id, by_name.member_ids) == ("c2", ["a"])
