"""Custom nodes: the merge rule, what they may not hold, look-ups (contract, sections 3 to 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from flowledger.domain.errors import Reason
from flowledger.storage.kinds.custom_nodes import CustomNodeRepository
from flowledger.storage.unit_of_work import Storage
from tests.builders import event, raw
from tests.domain.refusing import refusal
from tests.storage.recording import record
from tests.storage.test_merge_rule import at, moment, told


def node(storage: Storage, *story: Mapping[str, Any]) -> dict[str, Any]:
    return told(storage, "custom_nodes", ("node_1",), *story)


def test_the_last_report_stands_and_fields_stand_by_themselves(storage: Storage) -> None:
    row = node(
        storage,
        event("custom_node.created", time=at(2), name="sum", code="", inputs={"a": None}, outputs=[]),
        event("custom_node.disabled", time=at(3), reason="broken"),
        event("custom_node.enabled", time=at(1)),
        event("custom_node.updated", time=at(1), inputs=[{"name": "a"}], category="math"),
    )
    assert (row["status"], row["reason"], row["status_at"]) == ("disabled", "broken", moment(3))
    assert (row["name"], row["code"], row["inputs"], row["outputs"]) == ("sum", "", [{"name": "a"}], [])
    assert (row["category"], row["created_at"], row["updated_at"]) == ("math", moment(2), moment(3))


def test_one_that_is_only_mentioned_is_enabled(storage: Storage) -> None:
    row = node(storage, event("custom_node.deleted", time=at(3), reason="a test"))
    assert (row["status"], row["status_at"], row["reason"], row["deleted_at"]) == ("enabled", None, None, moment(3))


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"api_key": "sk-12345"}, "data.config.api_key"),
        ({"steps": [{"db_password": "x"}]}, "data.config.steps.0.db_password"),
        ({"url": "redis://:hunter2@h"}, "data.config.url"),
        ({"api_key": {"secret": "openai", "version": 1}}, "data.config.api_key.secret"),
        ({"a": {"secret": ["x"]}}, "data.config.a.secret"),
    ],
)
def test_a_secret_in_the_configuration_is_refused(config: dict[str, Any], field: str) -> None:
    for type_ in ("custom_node.created", "custom_node.updated"):
        assert refusal(raw(type_, config=config)) == (Reason.INVALID_DATA, field)


def test_a_reference_to_the_vault_stands_as_it_is(storage: Storage) -> None:
    config = {"api_key": {"secret": "openai"}, "token": "${TOKEN}", "password_url": "https://h/x"}
    assert node(storage, event("custom_node.created", config=config))["config"] == config


def test_custom_nodes_are_found_by_category_and_name(storage: Storage) -> None:
    record(
        storage,
        event("custom_node.created", subject="a", time=at(1), category="math", name="sum", visibility="public"),
        event("custom_node.created", subject="b", time=at(2), category="text", name="sum", workspace_id="ws"),
        event("custom_node.created", subject="c", time=at(3), category="math", user_id="u"),
        event("custom_node.disabled", subject="c", time=at(4)),
    )
    with storage.reading() as connection:
        nodes = CustomNodeRepository(connection)
        assert [one.id for one in nodes.newest(category="math").items] == ["c", "a"]
        assert [one.id for one in nodes.newest(category="math", visibility="public").items] == ["a"]
        assert [one.id for one in nodes.newest(workspace_id="ws").items] == ["b"]
        assert [one.id for one in nodes.newest(user_id="u", status="disabled").items] == ["c"]
        named = nodes.by_name("sum")
        assert named is not None
        assert named.id == "a"
