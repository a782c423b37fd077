"""Agents: the merge rule of what can be deleted, and look-ups (contract, sections 3 and 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from flowledger.domain.errors import Reason
from flowledger.domain.kinds.agents import Agent
from flowledger.storage.kinds.agents import AgentRepository
from flowledger.storage.unit_of_work import Storage
from tests.builders import ABSENT, event, raw
from tests.domain.refusing import refusal
from tests.storage.recording import empty, record
from tests.storage.test_merge_rule import at, moment, told


def agent(storage: Storage, *story: Mapping[str, Any]) -> dict[str, Any]:
    return told(storage, "agents", ("agt_1",), *story)


def found(storage: Storage, subject: str = "agt_1") -> Agent | None:
    with storage.reading() as connection:
        return AgentRepository(connection).get(subject)


def test_the_last_report_stands_with_its_reason_and_time(storage: Storage) -> None:
    row = agent(
        storage,
        event("agent.created", time=at(1)),
        event("agent.retired", time=at(2), reason="too slow"),
        event("agent.activated", time=at(3)),
        event("agent.retired", time=at(4), reason="too old", attempt=9),
    )
    assert (row["status"], row["reason"], row["status_at"]) == ("retired", "too old", moment(4))


def test_one_that_is_only_mentioned_is_active(storage: Storage) -> None:
    row = agent(storage, event("agent.updated", time=at(3), name="a"))
    assert (row["status"], row["status_at"], row["deleted_at"]) == ("active", None, None)
    assert (row["created_at"], row["updated_at"]) == (moment(3), moment(3))


def test_deleted_and_restored_are_a_group_of_their_own(storage: Storage) -> None:
    deleted = event("agent.deleted", time=at(2), reason="a test")
    row = agent(storage, event("agent.created", time=at(1), name="a"), deleted, event("agent.retired", time=at(3)))
    assert (row["deleted_at"], row["status"], row["reason"]) == (moment(2), "retired", None)
    empty(storage)
    row = agent(storage, event("agent.restored", time=at(4), attempt=1), event("agent.deleted", time=at(3), attempt=5))
    assert row["deleted_at"] is None, "the attempt takes no part"


def test_updated_at_is_the_greatest_time_of_any_event(storage: Storage) -> None:
    row = agent(
        storage,
        event("agent.created", time=at(2)),
        event("agent.retired", time=at(9)),
        event("agent.updated", time=at(5)),
        event("agent.activated", time=ABSENT),
    )
    assert row["updated_at"] == moment(9), "an event without a time has no part in it if another has one"


def test_null_clears_in_updated_and_an_older_event_does_not_bring_it_back(storage: Storage) -> None:
    row = agent(
        storage,
        event("agent.created", time=at(5), name="a", description="b", capabilities=[]),
        event("agent.updated", time=at(2), name=None),
        event("agent.updated", time=at(1), name="c", version="1"),
    )
    assert (row["name"], row["description"], row["version"], row["capabilities"]) == (None, "b", "1", [])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "  \t"),
        ("name", ""),
        ("name", "x" * 256),
        ("kind", "\u3000"),
        ("capabilities", ["a"] * 65),
        ("capabilities", ["x" * 65]),
        ("capabilities", [""]),
        ("capabilities", "a"),
    ],
)
def test_what_a_field_does_not_take(field: str, value: Any) -> None:
    refused = refusal(raw("agent.created", **{field: value}))
    assert refused is not None
    assert refused[1].startswith(f"data.{field}")


def test_a_secret_in_the_configuration_is_refused() -> None:
    refused = refusal(raw("agent.updated", agent_config={"api_key": "sk-12345"}))
    assert refused == (Reason.INVALID_DATA, "data.agent_config.api_key")


def test_lists_leave_out_the_deleted_unless_asked(storage: Storage) -> None:
    record(
        storage,
        *(event("agent.created", subject=f"a{n}", time=at(n), user_id="u", kind=f"k{n % 2}") for n in range(6)),
        event("agent.deleted", subject="a4", time=at(9)),
    )
    with storage.reading() as connection:
        agents = AgentRepository(connection)
        assert [one.id for one in agents.newest(user_id="u").items] == ["a5", "a3", "a2", "a1", "a0"]
        assert [one.id for one in agents.newest(user_id="u", kind="k0", deleted=True).items] == ["a4", "a2", "a0"]
        assert (agents.count(), agents.count(deleted=True), agents.count(kind="k0")) == (5, 6, 2)
        assert agents.get("a4") is not None
        with pytest.raises(TypeError, match=r"listed by kind, workspace_id, user_id, status.*, not by 'version'"):
            agents.newest(version="a")


def test_of_several_with_one_name_the_first_stands(storage: Storage) -> None:
    record(
        storage,
        event("agent.created", subject="late", time=at(3), name="same"),
        event("agent.created", subject="z", time=at(2), name="same"),
        event("agent.created", subject="y", time=at(2), name="same"),
        event("agent.created", subject="gone", time=at(1), name="same"),
        event("agent.deleted", subject="gone", time=at(4)),
    )
    with storage.reading() as connection:
        agents = AgentRepository(connection)
        by_name = agents.by_name("same")
        assert by_name is not None
        assert by_name.id == "y"
        assert agents.by_name("nobody") is None


def test_agents_are_found_by_a_capability(storage: Storage) -> None:
    record(
        storage,
        event("agent.created", subject="both", time=at(1), capabilities=["read", 'w"rite', "read"]),
        event("agent.created", subject="one", time=at(2), capabilities=["read"]),
        event("agent.created", subject="none", time=at(3), capabilities=[]),
        event("agent.created", subject="null", time=at(4)),
    )
    with storage.reading() as connection:
        agents = AgentRepository(connection)
        assert [one.id for one in agents.with_capability("read").items] == ["one", "both"]
        assert [one.id for one in agents.with_capability('w"rite').items] == ["both"]
        assert agents.with_capability("rea").items == ()
