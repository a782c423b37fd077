"""Workflows and their versions (contract, sections 3 to 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pytest

from flowledger.domain.definitions import MOST_PROBLEMS, changes_between, problems_of
from flowledger.domain.errors import Reason
from flowledger.domain.kinds.workflows import copy_of
from flowledger.storage.kinds.workflows import WorkflowRepository, WorkflowVersionRepository
from flowledger.storage.unit_of_work import Storage
from tests.builders import ABSENT, event, raw
from tests.domain.refusing import refusal
from tests.storage.recording import empty, record
from tests.storage.recording import row as recorded
from tests.storage.test_merge_rule import at, moment, told


def workflow(storage: Storage, *story: Mapping[str, Any]) -> dict[str, Any]:
    return told(storage, "workflows", ("wf_1",), *story)


def version(number: int, **given: Any) -> dict[str, Any]:
    return event("workflow.versioned", version=number, definition=given.pop("definition", {}), **given)


def test_publishing_a_version_and_taking_it_back(storage: Storage) -> None:
    row = workflow(
        storage,
        event("workflow.created", time=at(1), name="w", visibility="public", tags=["b", "a", "b"]),
        version(1, time=at(2)),
        version(3, time=at(3)),
        event("workflow.published", time=at(4), version=3),
    )
    assert (row["status"], row["published_version"], row["latest_version"]) == ("published", 3, 3)
    assert (row["tags"], row["visibility"], row["updated_at"]) == (["b", "a", "b"], "public", moment(4))
    empty(storage)
    row = workflow(storage, version(1, time=at(1)), event("workflow.withdrawn", time=at(5), reason="wrong"))
    assert (row["status"], row["reason"], row["published_version"]) == ("draft", "wrong", None)


def test_what_the_standing_report_leaves_out_is_null(storage: Storage) -> None:
    row = workflow(storage, event("workflow.published", time=at(1), version=2), event("workflow.published", time=at(2)))
    assert (row["status"], row["published_version"]) == ("published", None)
    assert row["latest_version"] is None, "a number that only `published` names is no version"


def test_the_first_of_several_versions_of_one_number_stands_as_a_whole(storage: Storage) -> None:
    row = told(
        storage, "workflow_versions", ("wf_1", 1),
        version(1, time=at(3), note="late", user_id="u", definition={"a": None}),
        version(1, time=at(2), note=None, definition={"nodes": [{"id": "b"}]}),
        version(2, time=at(1), note="another"),
    )  # fmt: skip
    assert (row["definition"], row["note"], row["user_id"]) == ({"nodes": [{"id": "b"}]}, None, None)
    assert (row["created_at"], row["problems"]) == (moment(2), None)


def test_a_version_without_a_sequence_stands_before_one_with(storage: Storage) -> None:
    row = told(
        storage, "workflow_versions", ("wf_1", 1),
        version(1, time=at(1), note="sequence", attributes={"sequence": "0"}),
        version(1, time=at(9), note="none"),
    )  # fmt: skip
    assert row["note"] == "none"
    for _ in range(2):
        record(storage, version(7, time=at(1)), version(7, time=ABSENT, note="no time"))
    assert recorded(storage, "workflow_versions", "wf_1", 7)["note"] == "no time", "absent sorts first"


@pytest.mark.parametrize(
    ("definition", "problems"),
    [
        ({}, None),
        ({"nodes": []}, None),
        ({"nodes": [{"id": "a"}], "edges": [{"source": "a", "target": "a"}]}, None),
        ({"nodes": None}, [("nodes", "must be a list")]),
        ({"edges": 1}, [("edges", "must be a list")]),
        ({"nodes": [{"id": "a"}, {"id": "a"}]}, [("nodes.1.id", "is the id of an earlier node: 'a'")]),
        ({"nodes": [{"id": ""}]}, [("nodes.0.id", "must be a text that is not empty")]),
        ({"nodes": [[]]}, [("nodes.0", "must be an object")]),
        ({"edges": [{"source": "a"}]}, [
            ("edges.0.source", "is no node's id: 'a'"), ("edges.0.target", "must be the id of a node")
        ]),
        ({"edges": ["a"]}, [("edges.0", "must be an object")]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_definition_is_told_and_not_refused(
    storage: Storage, definition: dict[str, Any], problems: list[tuple[str, str]] | None
) -> None:
    row = told(storage, "workflow_versions", ("wf_1", 1), version(1, definition=definition))
    wanted = None if problems is None else [{"path": path, "what": what} for path, what in problems]
    assert (row["problems"], row["definition"]) == (wanted, definition)


def test_a_definition_with_many_problems_has_a_hundred_told() -> None:
    problems = problems_of({"nodes": [0] * 5000})
    assert problems is not None
    assert len(problems) == MOST_PROBLEMS + 1
    assert problems[-1] == {"path": "", "what": "has more problems than the 100 told here"}
    assert len(problems_of({"nodes": [0] * MOST_PROBLEMS}) or ()) == MOST_PROBLEMS


@pytest.mark.parametrize(
    ("type_", "data", "field"),
    [
        ("workflow.versioned", {"version": 0}, "data.version"),
        ("workflow.versioned", {"version": True}, "data.version"),
        ("workflow.versioned", {"version": 2**63}, "data.version"),
        ("workflow.versioned", {"definition": []}, "data.definition"),
        ("workflow.versioned", {"definition": None}, "data.definition"),
        ("workflow.published", {"version": "1"}, "data.version"),
        ("workflow.created", {"visibility": "secret"}, "data.visibility"),
    ],
)
def test_what_a_field_does_not_take(type_: str, data: dict[str, Any], field: str) -> None:
    assert refusal(raw(type_, **data)) == (Reason.INVALID_DATA, field)


def test_versions_are_listed_the_greatest_first(storage: Storage) -> None:
    record(storage, *(version(number, time=at(number)) for number in (2, 10, 1)), version(5, subject="wf_2"))
    with storage.reading() as connection:
        versions = WorkflowVersionRepository(connection)
        first = versions.of_workflow("wf_1", limit=2)
        assert [one.version for one in first.items] == [10, 2]
        assert [one.version for one in versions.of_workflow("wf_1", after=first.cursor).items] == [1]
        assert versions.get("wf_1", 5) is None
        assert versions.count(workflow_id="wf_1") == 3


def test_public_workflows_are_found(storage: Storage) -> None:
    record(
        storage,
        event("workflow.created", subject="a", visibility="public", time=at(1)),
        event("workflow.created", subject="b", visibility="private", time=at(2)),
        event("workflow.created", subject="c", visibility="public", time=at(3), workspace_id="ws"),
    )
    with storage.reading() as connection:
        workflows = WorkflowRepository(connection)
        assert [one.id for one in workflows.newest(visibility="public").items] == ["c", "a"]
        assert [one.id for one in workflows.newest(visibility="public", workspace_id="ws").items] == ["c"]


GRAPH: Final[dict[str, Any]] = {
    "nodes": [{"id": "a", "n": 1}, {"id": "b"}, "no node"],
    "edges": [{"source": "a", "target": "b"}],
    "viewport": {"zoom": 1},
}


@pytest.mark.parametrize(
    ("after", "wanted"),
    [
        ({**GRAPH, "nodes": GRAPH["nodes"][::-1]}, {}),
        ({**GRAPH, "nodes": [{"n": 1.0, "id": "a"}, {"id": "b"}, "no node"]}, {}),
        ({**GRAPH, "nodes": [{"id": "c"}, {"id": "a", "n": 2}, "no node"]}, {
            "added_nodes": ("c",), "removed_nodes": ("b",), "changed_nodes": ("a",)
        }),
        ({**GRAPH, "edges": [{"source": "b", "target": "a"}]}, {
            "added_edges": ({"source": "b", "target": "a"},), "removed_edges": ({"source": "a", "target": "b"},)
        }),
        ({**GRAPH, "nodes": GRAPH["nodes"][:2], "viewport": {"zoom": 2}}, {"changed_members": ("nodes", "viewport")}),
        ({**GRAPH, "more": None}, {"changed_members": ("more",)}),
        ({**GRAPH, "edges": {}}, {
            "removed_edges": ({"source": "a", "target": "b"},), "changed_members": ("edges",)
        }),
    ],
)  # fmt: skip
def test_two_versions_are_compared(storage: Storage, after: dict[str, Any], wanted: dict[str, Any]) -> None:
    record(storage, version(1, definition=GRAPH), version(2, definition=after))
    with storage.reading() as connection:
        versions = WorkflowVersionRepository(connection)
        changes = versions.changes("wf_1", 1, 2)
        assert changes is not None
        found = {name: getattr(changes, name) for name in changes.__slots__ if getattr(changes, name)}
        assert (found, changes.is_none) == (wanted, not wanted)
        assert versions.changes("wf_1", 1, 3) is None


def test_a_definition_without_nodes_is_the_same_as_one_with_none() -> None:
    assert changes_between({}, {"nodes": [], "edges": []}).is_none


def test_a_copy_is_two_events(storage: Storage) -> None:
    record(storage, event("workflow.created", name="w", description="d", tags=["a"]), version(4, definition=GRAPH))
    with storage.reading() as connection:
        workflow_, version_ = WorkflowRepository(connection).get("wf_1"), WorkflowVersionRepository(connection)
        fourth = version_.get("wf_1", 4)
        assert workflow_ is not None
        assert fourth is not None
    created, versioned = copy_of(workflow_, fourth, name="w, again", tags=None)
    assert created.model_dump(exclude_unset=True) == {"name": "w, again", "description": "d"}
    assert (versioned.version, versioned.definition, versioned.note) == (1, GRAPH, "a copy of version 4 of wf_1")
