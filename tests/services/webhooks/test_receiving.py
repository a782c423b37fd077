"""A call that is authentic and allowed starts one execution (docs/contract/webhooks.md)."""

from __future__ import annotations

import json
from typing import Any

import pytest
import redis

from flowledger.domain.errors import InvalidArgument
from flowledger.domain.settings import Settings
from flowledger.domain.times import now
from flowledger.services.webhooks import WebhookReceiver
from flowledger.storage.unit_of_work import Storage
from tests.builders import event
from tests.services.webhooks.calling import (
    BODY,
    OLD,
    SECRET,
    WEBHOOK,
    Kept,
    call,
    headers,
    record_waiting,
    set_up,
    waiting,
)
from tests.storage.recording import dead_letters, record, row


def test_a_call_starts_an_execution(
    settings: Settings, storage: Storage, client: redis.Redis, receiver: WebhookReceiver
) -> None:
    set_up(storage, workspace_id="ws_1", user_id="usr_1")
    before = now()
    received = call(receiver)
    assert (received.id, received.source, received.repeated) == ("msg_1", "/webhooks/hook_1", False)
    assert (received.workflow_id, received.input) == ("wf_1", {"order": {"id": 7}})
    assert before <= received.time <= now()
    assert received.execution_id.startswith("exec_")
    assert [one["type"] for one in waiting(client)] == ["execution.created"]
    assert record_waiting(settings, client, storage) == 1
    made = row(storage, "executions", received.execution_id)
    assert (made["status"], made["workflow_id"], made["trigger_type"]) == ("pending", "wf_1", "webhook")
    assert (made["workspace_id"], made["user_id"]) == ("ws_1", "usr_1")
    assert (made["input"], made["created_at"]) == ({"order": {"id": 7}}, received.time)


def test_ids_of_two_webhooks_are_two_executions(storage: Storage, receiver: WebhookReceiver) -> None:
    set_up(storage)
    set_up(storage, "hook_2")
    one = call(receiver)
    other = receiver.receive("hook_2", headers(), BODY)
    assert one.execution_id != other.execution_id
    assert not other.repeated


@pytest.mark.parametrize(
    "form",
    [
        lambda given: {name.upper(): value for name, value in given.items()},
        lambda given: {name.encode(): value.encode() for name, value in given.items()},
        lambda given: [(name.title(), value) for name, value in given.items()],
        lambda given: [(name.encode(), value.encode()) for name, value in given.items()],
        lambda given: ((name, value) for name, value in [*given.items(), ("x-twice", "1"), ("X-Twice", "2")]),
    ],
    ids=["capitals", "mapping of bytes", "pairs", "pairs of bytes", "others twice"],
)
def test_headers_come_in_any_form(storage: Storage, receiver: WebhookReceiver, form: Any) -> None:
    set_up(storage)
    assert receiver.receive(WEBHOOK, form(headers()), BODY).id == "msg_1"


@pytest.mark.parametrize("body", [bytearray(BODY), memoryview(BODY)])
def test_a_body_is_any_bytes(storage: Storage, receiver: WebhookReceiver, body: Any) -> None:
    set_up(storage)
    assert receiver.receive(WEBHOOK, headers(), body).input == {"order": {"id": 7}}


@pytest.mark.parametrize(
    ("given", "body"), [(headers(), BODY.decode()), ([1], BODY), ({"webhook-id": 1}, BODY), ({"a": ["b"]}, BODY)]
)
def test_arguments_of_other_types_are_the_caller_s_mistake(
    storage: Storage, receiver: WebhookReceiver, given: Any, body: Any
) -> None:
    set_up(storage)
    with pytest.raises(InvalidArgument):
        receiver.receive(WEBHOOK, given, body)


@pytest.mark.parametrize("secret", [SECRET, SECRET.removeprefix("whsec_"), f"{SECRET}\n", SECRET.rstrip("=")])
def test_a_secret_may_be_written_in_these_ways(
    storage: Storage, kept: Kept, receiver: WebhookReceiver, secret: str
) -> None:
    set_up(storage)
    kept.secrets["current"] = secret.encode()
    assert call(receiver).id == "msg_1"


def test_while_secrets_are_rotated_both_count_and_then_the_new_one_alone(
    storage: Storage, kept: Kept, receiver: WebhookReceiver
) -> None:
    set_up(storage, secret_names=["next", "current"])
    kept.secrets["next"] = OLD.encode()
    assert call(receiver, "a", secret=SECRET).id == "a"
    assert call(receiver, "b", secret=OLD).id == "b"
    del kept.secrets["current"]
    assert call(receiver, "c", secret=OLD).id == "c"


def test_one_good_signature_of_many_is_enough(storage: Storage, receiver: WebhookReceiver) -> None:
    set_up(storage)
    given = headers()
    others = [headers(secret=OLD)["webhook-signature"], "v1,notbase64!", "v1a,AAAA", "v2,AAAA", "v1,"]
    given["webhook-signature"] = " ".join([*others, given["webhook-signature"], *others])
    assert receiver.receive(WEBHOOK, given, BODY).id == "msg_1"


@pytest.mark.parametrize("late", [299, -299])
def test_a_clock_may_differ_by_five_minutes(storage: Storage, receiver: WebhookReceiver, late: float) -> None:
    set_up(storage)
    assert call(receiver, late=late).id == "msg_1"


@pytest.mark.parametrize(
    ("networks", "address"),
    [
        (None, None),
        (None, "no address"),
        (["192.0.2.0/24"], "192.0.2.7"),
        (["192.0.2.0/24"], "::ffff:192.0.2.7"),
        (["::ffff:192.0.2.0/120"], "192.0.2.7"),
        (["::ffff:192.0.2.7"], "::ffff:c000:207"),
        (["2001:db8::/32", "10.0.0.1"], "2001:DB8::1"),
        (["0.0.0.0/0"], "::ffff:1.2.3.4"),
    ],
)
def test_an_address_within_the_networks_may_call(
    storage: Storage, receiver: WebhookReceiver, networks: list[str] | None, address: str | None
) -> None:
    set_up(storage, allowed_ips=networks)
    assert call(receiver, address=address).id == "msg_1"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'"text"', "text"),
        (b"[]", []),
        (b"null", None),
        (b'{"n": 1e400, "z": "\\u0000", "s": "\\ud800", "i": 123456789012345678901234567890}', ...),
    ],
)
def test_any_json_is_an_input(
    settings: Settings, storage: Storage, client: redis.Redis, receiver: WebhookReceiver, body: bytes, found: Any
) -> None:
    set_up(storage)
    received = call(receiver, body=body)
    assert record_waiting(settings, client, storage) == 1
    assert dead_letters(storage) == []
    if found is ...:
        assert b'"n":1E+400' in received.raw
        assert b'"i":123456789012345678901234567890' in received.raw
        found = json.loads(received.raw)["data"]["input"]
        assert (found["z"], found["s"]) == ("\x00", "\ud800")
    else:
        assert received.input == found


def test_an_id_with_slashes_has_a_source_of_its_own(
    settings: Settings, storage: Storage, client: redis.Redis, receiver: WebhookReceiver
) -> None:
    for name, source in (("a/b%", "/webhooks/a%2Fb%25"), ("a%2Fb%", "/webhooks/a%252Fb%25")):
        set_up(storage, name)
        assert receiver.receive(name, headers(), BODY).source == source
    long = "/" * 512
    set_up(storage, long)
    assert receiver.receive(long, headers(), BODY).source.startswith("/webhooks/hook_")
    assert record_waiting(settings, client, storage) == 3


def test_a_webhook_that_is_enabled_again_takes_calls(storage: Storage, receiver: WebhookReceiver) -> None:
    set_up(storage)
    record(storage, event("webhook.disabled", subject=WEBHOOK, time="2026-02-01T00:00:00Z"), start=2)
    record(storage, event("webhook.enabled", subject=WEBHOOK, time="2026-02-02T00:00:00Z"), start=3)
    assert call(receiver).id == "msg_1"
