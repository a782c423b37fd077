"""Webhooks: the merge rule, networks, mappings, look-ups (contract, sections 3 to 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from flowledger.domain.errors import Reason
from flowledger.storage.kinds.webhooks import WebhookRepository
from flowledger.storage.unit_of_work import Storage
from tests.builders import event, raw
from tests.domain.refusing import refusal
from tests.storage.recording import record
from tests.storage.test_merge_rule import at, moment, told


def webhook(storage: Storage, *story: Mapping[str, Any]) -> dict[str, Any]:
    return told(storage, "webhooks", ("hook_1",), *story)


def test_what_a_webhook_says_stands_as_it_was_written(storage: Storage) -> None:
    mapping = {"order": "/order/id", "key": {"header": "X-Key"}, "kind": {"value": None}, "all": ""}
    row = webhook(
        storage,
        event("webhook.created", time=at(1), secret_names=["new", "old", "new"], allowed_ips=["2001:DB8::/32"]),
        event("webhook.updated", time=at(2), input_mapping=mapping),
        event("webhook.disabled", time=at(4), reason="noisy"),
        event("webhook.enabled", time=at(3)),
    )
    assert (row["secret_names"], row["allowed_ips"]) == (["new", "old", "new"], ["2001:DB8::/32"])
    assert (row["input_mapping"], row["status"], row["reason"]) == (mapping, "disabled", "noisy")
    assert (row["status_at"], row["updated_at"], row["created_at"]) == (moment(4), moment(4), moment(1))


def test_an_empty_list_is_not_null(storage: Storage) -> None:
    row = webhook(
        storage,
        event("webhook.created", time=at(1), allowed_ips=["::1"], secret_names=["a"]),
        event("webhook.updated", time=at(2), allowed_ips=[], secret_names=None),
    )
    assert (row["allowed_ips"], row["secret_names"], row["status"]) == ([], None, "enabled")


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"allowed_ips": ["::1", "10.0.0.1/8"]}, "data.allowed_ips.1"),
        ({"secret_names": ["a", " "]}, "data.secret_names.1"),
        ({"input_mapping": {"a": "/a", "b": "/~"}}, "data.input_mapping.b"),
        ({"input_mapping": {"": "/a"}}, "data.input_mapping"),
        ({"input_mapping": {"x" * 200: 1}}, "data.input_mapping." + "x" * 100),
    ],
)
def test_what_is_wrong_is_named_with_its_path(data: dict[str, Any], field: str) -> None:
    assert refusal(raw("webhook.created", **data)) == (Reason.INVALID_DATA, field)


def test_webhooks_of_a_workflow_are_found(storage: Storage) -> None:
    record(
        storage,
        event("webhook.created", subject="a", time=at(1), workflow_id="wf", name="hook"),
        event("webhook.created", subject="b", time=at(2), workflow_id="wf", workspace_id="ws"),
        event("webhook.created", subject="c", time=at(3), user_id="u"),
        event("webhook.disabled", subject="b", time=at(4)),
    )
    with storage.reading() as connection:
        webhooks = WebhookRepository(connection)
        assert [one.id for one in webhooks.newest(workflow_id="wf").items] == ["b", "a"]
        assert [one.id for one in webhooks.newest(workflow_id="wf", status="enabled").items] == ["a"]
        assert [one.id for one in webhooks.newest(user_id="u").items] == ["c"]
        named = webhooks.by_name("hook")
        assert named is not None
        assert named.id == "a"
