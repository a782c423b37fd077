"""Knowledge: the merge rule without a status, and look-ups (contract, sections 3 to 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from flowledger.domain.errors import Reason
from flowledger.storage.kinds.knowledge import KnowledgeRepository
from flowledger.storage.unit_of_work import Storage
from tests.builders import ABSENT, event, raw
from tests.domain.refusing import refusal
from tests.storage.recording import empty, record
from tests.storage.test_merge_rule import at, moment, told


def knowledge(storage: Storage, *story: Mapping[str, Any]) -> dict[str, Any]:
    return told(storage, "knowledge", ("know_1",), *story)


def test_a_field_is_of_the_last_event_that_carries_it(storage: Storage) -> None:
    row = knowledge(
        storage,
        event("knowledge.created", time=at(1), title="a", content="b", tags=["x", "x"], confidence=0.5, data={"a": 1}),
        event("knowledge.updated", time=at(3), title="c", confidence=None),
        event("knowledge.updated", time=at(2), title="d", content=""),
        event("knowledge.created", time=at(9), kind="fact", data=None),
    )
    assert (row["title"], row["content"], row["kind"], row["tags"]) == ("c", "", "fact", ["x", "x"])
    assert (row["confidence"], row["data"]) == (None, {"a": 1})
    assert (row["created_at"], row["updated_at"]) == (moment(1), moment(9))


def test_it_has_no_status(storage: Storage) -> None:
    row = knowledge(storage, event("knowledge.deleted", time=at(2), attempt=7), event("knowledge.created", time=at(3)))
    assert row["deleted_at"] == moment(2)
    assert not {"status", "status_at", "reason", "attempt"} & row.keys()


def test_one_that_is_only_mentioned_has_a_row(storage: Storage) -> None:
    row = knowledge(storage, event("knowledge.restored", time=at(3)), event("knowledge.deleted", time=ABSENT))
    assert (row["deleted_at"], row["created_at"], row["title"]) == (None, moment(3), None)


@pytest.mark.parametrize(
    ("field", "value"), [("confidence", 1.1), ("confidence", -0.1), ("kind", " "), ("tags", ["x" * 65]), ("data", [])]
)
def test_what_a_field_does_not_take(field: str, value: Any) -> None:
    refused = refusal(raw("knowledge.updated", **{field: value}))
    assert refused is not None
    assert (refused[0], refused[1].startswith(f"data.{field}")) == (Reason.INVALID_DATA, True)


def test_a_title_may_be_of_any_length_or_empty(storage: Storage) -> None:
    assert knowledge(storage, event("knowledge.created", title="x" * 100_000))["title"] == "x" * 100_000
    empty(storage)
    assert knowledge(storage, event("knowledge.updated", title="", time=at(59)))["title"] == ""


def test_the_knowledge_of_an_agent_is_listed_in_pages(storage: Storage) -> None:
    record(
        storage,
        *(event("knowledge.created", subject=f"k{n}", time=at(n), agent_id=f"a{n % 2}") for n in range(6)),
        event("knowledge.deleted", subject="k2", time=at(9)),
    )
    with storage.reading() as connection:
        known = KnowledgeRepository(connection)
        first = known.of_agent("a0", limit=1)
        assert [one.id for one in first.items] == ["k4"]
        assert [one.id for one in known.of_agent("a0", after=first.cursor).items] == ["k0"]
        assert [one.id for one in known.of_agent("a0", deleted=True).items] == ["k4", "k2", "k0"]
        assert (known.count(agent_id="a0"), known.count(deleted=True)) == (2, 6)
        assert known.get("k2") is not None


def test_knowledge_is_found_by_a_tag(storage: Storage) -> None:
    record(
        storage,
        event("knowledge.created", subject="both", time=at(1), tags=["a", "b", "a"]),
        event("knowledge.created", subject="one", time=at(2), tags=["a"]),
        event("knowledge.created", subject="none", time=at(3), tags=[]),
        event("knowledge.created", subject="null", time=at(4)),
        event("knowledge.created", subject="gone", time=at(5), tags=["a"]),
        event("knowledge.deleted", subject="gone", time=at(6)),
    )
    with storage.reading() as connection:
        known = KnowledgeRepository(connection)
        assert [one.id for one in known.with_tag("a").items] == ["one", "both"]
        assert [one.id for one in known.with_tag("a", deleted=True).items] == ["gone", "one", "both"]
        assert [one.id for one in known.with_tag("b").items] == ["both"]
        assert known.with_tag("A").items == ()
