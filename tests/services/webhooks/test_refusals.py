"""What is refused, with which reason and status, and what is kept of it (docs/contract/webhooks.md)."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
import redis

from flowledger.domain.errors import CallRefusal, DatabaseUnavailable, WebhookRefused
from flowledger.domain.likeness import forget_what_was_told
from flowledger.domain.times import now
from flowledger.services.webhooks import WebhookReceiver
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.status.refused_webhooks import refusals
from tests.builders import event
from tests.services.webhooks.calling import (
    BODY,
    OLD,
    WEBHOOK,
    Kept,
    call,
    headers,
    refused,
    set_up,
)
from tests.storage.recording import record

STRANGER = ("unauthorized", 401)


def changed(**values: str | None) -> dict[str, str]:
    """Good headers with others in their place; None: without it."""
    named = {f"webhook-{name}": value for name, value in values.items()}
    return {name: value for name, value in (headers() | named).items() if value is not None}


def test_a_stranger_learns_nothing(storage: Storage, kept: Kept, receiver: WebhookReceiver) -> None:
    set_up(storage)
    set_up(storage, "no names", secret_names=None)
    set_up(storage, "gone names", secret_names=["gone"])
    set_up(storage, "not allowed", allowed_ips=[])
    set_up(storage, "deleted")
    record(storage, event("webhook.deleted", subject="deleted"), start=9)
    forged = headers(secret=OLD)
    told: set[tuple[str, str, int]] = set()
    causes = {}
    for webhook in (
        WEBHOOK,
        "no names",
        "gone names",
        "not allowed",
        "deleted",
        "unknown",
        "",
        "\x00",
        "\ud800",
        "x" * 9999,
    ):
        kept.asked.clear()
        with pytest.raises(WebhookRefused) as error:
            receiver.receive(webhook, forged, BODY, "1.2.3.4")
        told.add((str(error.value), error.value.reason.value, error.value.http_status))
        causes[webhook] = error.value.cause
        assert len(kept.asked) == 1, "the vault is asked whether or not there is such a webhook"
    assert len(told) == 1
    assert (causes[WEBHOOK], causes["no names"], causes["gone names"]) == ("signature", "no_secret", "no_secret")
    assert {causes[one] for one in ("unknown", "", "\x00", "\ud800", "x" * 9999)} == {"unknown"}


def test_even_a_signature_with_the_right_key_is_no_good_if_the_key_is_empty(
    storage: Storage, kept: Kept, receiver: WebhookReceiver
) -> None:
    set_up(storage)
    for broken in ("", "whsec_", "whsec_=", "whsk_AAAA", "not base64"):
        kept.secrets["current"] = broken.encode()
        assert refused(receiver, headers()) == ("unauthorized", "no_secret", 401)


def good() -> str:
    return headers()["webhook-signature"]


@pytest.mark.parametrize(
    "forged",
    [
        lambda: headers(secret=OLD),
        lambda: headers("msg_2") | {"webhook-id": "msg_1"},
        lambda: headers(body=b"{}"),
        lambda: changed(signature="v1,"),
        lambda: changed(signature="v2," + good().removeprefix("v1,")),
        lambda: changed(signature="V1," + good().removeprefix("v1,")),
        lambda: changed(signature="v1a," + good().removeprefix("v1,")),
        lambda: changed(signature=good().swapcase().replace("V1,", "v1,")),
        lambda: changed(timestamp=str(int(now().timestamp()) - 100)),
    ],
)
def test_forged(storage: Storage, receiver: WebhookReceiver, forged: Callable[[], dict[str, str]]) -> None:
    """Made when the test runs: headers of the time of collection may be too old by then."""
    set_up(storage)
    assert refused(receiver, forged()) == ("unauthorized", "signature", 401)


@pytest.mark.parametrize(
    "given",
    [
        {},
        [],
        changed(id=None),
        changed(timestamp=None),
        changed(signature=None),
        changed(id=""),
        changed(id="msg.1"),
        changed(id="msg_1, msg_1"),
        changed(id="msg 1"),
        changed(id="é"),
        changed(id="a\n"),
        changed(id="x" * 256),
        changed(timestamp=""),
        changed(timestamp="-1"),
        changed(timestamp="1.5"),
        changed(timestamp="1e9"),
        changed(timestamp=" 1"),
        changed(timestamp="\u0661\u0662"),
        changed(timestamp="1\n"),
        changed(timestamp="9" * 13),
        changed(timestamp="1, 1"),
        changed(signature=""),
        changed(signature="AAAA"),
        changed(signature="v1,AAAA v1,AAAA BBBB"),
        changed(signature="v1,AAAA, v1,AAAA"),
        changed(signature="v1,AAAA  v1,AAAA"),
        changed(signature="v1,A " * 2_000),
        [*headers().items(), ("webhook-id", "msg_1")],
        [*headers().items(), ("Webhook-Timestamp", "1")],
        [*headers().items(), (b"WEBHOOK-SIGNATURE", b"v1,AAAA")],
        headers() | {"Webhook-Id": "msg_1"},
    ],
)
def test_malformed(storage: Storage, receiver: WebhookReceiver, given: Any) -> None:
    set_up(storage)
    assert refused(receiver, given) == ("malformed", "malformed", 400)


@pytest.mark.parametrize("late", [302, -302, 10**9])
def test_late_and_early(storage: Storage, receiver: WebhookReceiver, late: float) -> None:
    set_up(storage)
    assert refused(receiver, headers(late=late)) == ("untimely", "untimely", 400)


@pytest.mark.parametrize(
    ("networks", "address"),
    [
        ([], "192.0.2.7"),
        ([], None),
        (["192.0.2.0/24"], "192.0.3.7"),
        (["192.0.2.0/24"], None),
        (["192.0.2.0/24"], "192.0.2.7:80"),
        (["192.0.2.0/24"], "192.0.2.7%eth0"),
        (["::/0"], "192.0.2.7"),
        (["::/0"], "::ffff:192.0.2.7"),
        (["fe80::/10"], "fe80::1%eth0"),
        (["0.0.0.0/0"], "::1"),
        (["::1"], "[::1]"),
    ],
)
def test_a_wrong_address(storage: Storage, receiver: WebhookReceiver, networks: list[str], address: str | None) -> None:
    set_up(storage, allowed_ips=networks)
    assert refused(receiver, headers(), address=address) == ("address", "address", 403)
    assert refused(receiver, headers(secret=OLD), address=address)[0] == "unauthorized"


@pytest.mark.parametrize(
    ("type_", "data", "told"),
    [
        ("webhook.deleted", {}, ("deleted", "deleted", 410)),
        ("webhook.disabled", {"reason": "noisy"}, ("disabled", "disabled", 403)),
        ("webhook.updated", {"workflow_id": None}, ("no_workflow", "no_workflow", 409)),
    ],
)
def test_a_sender_learns_the_state_of_its_webhook(
    storage: Storage, receiver: WebhookReceiver, type_: str, data: dict[str, Any], told: tuple[str, str, int]
) -> None:
    set_up(storage)
    record(storage, event(type_, subject=WEBHOOK, time="2026-02-01T00:00:00Z", **data), start=2)
    assert refused(receiver, headers()) == told


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe{}",
        b'{"s3cret": NaN}',
        b'{"s3cret": 1, "s3cret": 2}',
        b"{",
        b"\xef\xbb\xbf{}",
        b"[" * 600 + b"]" * 600,
        b"[" * 499 + b"]" * 499,
        b"1" * 5_000,
        b"1e999999999",
    ],
    ids=lambda body: ascii(body[:12]),
)
def test_a_body_that_is_no_input(storage: Storage, receiver: WebhookReceiver, body: bytes) -> None:
    set_up(storage)
    with pytest.raises(WebhookRefused) as error:
        receiver.receive(WEBHOOK, _signed_bytes(body), body)
    assert (error.value.reason, error.value.http_status) == (CallRefusal.INVALID_BODY, 422)
    assert "s3cret" not in str(error.value)
    assert error.value.__cause__ is None


@pytest.mark.parametrize("size", [2**20 - 100, 2**20 + 1, 10 * 2**20])
def test_a_body_that_no_event_can_hold(storage: Storage, receiver: WebhookReceiver, size: int) -> None:
    set_up(storage)
    body = b'"' + b"x" * (size - 2) + b'"'
    with pytest.raises(WebhookRefused, match="1,048,576") as error:
        receiver.receive(WEBHOOK, headers(body=body), body)
    assert (error.value.reason, error.value.http_status) == (CallRefusal.TOO_LARGE, 413)


def test_a_vault_that_is_away_is_no_refusal(
    storage: Storage, kept: Kept, receiver: WebhookReceiver, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(storage)

    def away(_: str) -> bytes:
        raise DatabaseUnavailable("away")

    monkeypatch.setattr(kept, "get", away)
    with pytest.raises(DatabaseUnavailable):
        call(receiver)
    assert refusals(client) == []


def test_nothing_of_a_call_or_a_secret_is_logged(
    storage: Storage, kept: Kept, receiver: WebhookReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    set_up(storage, secret_names=["current", "broken", "lost"])
    kept.secrets["broken"] = b"whsec_hunter2!"
    forget_what_was_told()
    with caplog.at_level(logging.DEBUG):
        refused(receiver, headers(secret=OLD, body=b'"hunter2"'), b'"hunter2"')
    assert "'broken'" in caplog.text
    assert "'lost'" in caplog.text
    assert "hunter2" not in caplog.text
    assert "MfKQ" not in caplog.text


def _signed_bytes(body: bytes) -> dict[str, str]:
    """Headers for bytes that the package of the standard, which signs texts, cannot sign."""
    import base64
    import hmac

    from flowledger.services.webhooks.signature import key_of
    from tests.services.webhooks.calling import SECRET

    at = int(now().timestamp())
    mac = hmac.digest(key_of(SECRET.encode()), b"msg_1.%d.%b" % (at, body), "sha256")
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }


def test_the_status_of_each_reason_is_one_of_http() -> None:
    assert json.dumps({reason.value: reason.http_status for reason in CallRefusal})
    assert {reason.http_status for reason in CallRefusal} <= {400, 401, 403, 409, 410, 413, 422}
