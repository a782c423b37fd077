"""What is kept of refused calls: counts for a day, and an audit line a minute (docs/contract/webhooks.md)."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
import redis

from flowledger.domain.envelope import Envelope
from flowledger.domain.errors import DatabaseUnavailable
from flowledger.domain.settings import Settings
from flowledger.domain.times import now
from flowledger.services.once import Announced, Once
from flowledger.services.webhooks import WebhookReceiver
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.status.refused_webhooks import Refusals, refusals
from tests.services.webhooks.calling import OLD, WEBHOOK, Kept, headers, record_waiting, refused, set_up, waiting
from tests.storage.recording import all_rows, dead_letters


def test_refusals_are_counted_and_leave_a_line_a_minute(
    settings: Settings, storage: Storage, client: redis.Redis, kept: Kept
) -> None:
    set_up(storage)
    at = now().replace(second=1)
    with WebhookReceiver(settings, storage, kept, lambda: at) as receiver:
        for _ in range(3):
            refused(receiver, headers(secret=OLD, at=at), address="::ffff:192.0.2.7")
            refused(receiver, {}, address="no address")
        for name in range(20):
            refused(receiver, headers(at=at), webhook=f"none {name}")
        at = at.replace(minute=(at.minute + 1) % 60)
        refused(receiver, {})
    counted = refusals(client)
    assert counted[0] == Refusals("", "unknown", 20)
    assert sorted(counted[1:], key=str) == [Refusals(WEBHOOK, "malformed", 4), Refusals(WEBHOOK, "signature", 3)]
    assert len(waiting(client, "/flowledger/webhooks")) == 4
    record_waiting(settings, client, storage)
    lines = [line for line in all_rows(storage)["audit_logs"].values() if line["source"] == "/flowledger/webhooks"]
    found = sorted((line["resource_id"], line["details"]["cause"], line["ip_address"]) for line in lines)
    assert found == [
        ("/webhooks", "unknown", None),
        (WEBHOOK, "malformed", None),
        (WEBHOOK, "malformed", None),
        (WEBHOOK, "signature", "192.0.2.7"),
    ]
    assert {(line["action"], line["resource_type"], line["success"]) for line in lines} == {
        ("webhook.refused", "webhook", False)
    }


def test_no_answer_waits_for_an_audit_line(
    settings: Settings, storage: Storage, client: redis.Redis, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line is due for the first such call of a minute alone: its time would tell whether there is such a webhook."""
    set_up(storage)
    answered = threading.Event()
    threads: set[threading.Thread] = set()
    publish = Once.publish

    def late(self: Once, envelope: Envelope) -> Announced:
        threads.add(threading.current_thread())
        assert answered.wait(30)
        return publish(self, envelope)

    monkeypatch.setattr(Once, "publish", late)
    with WebhookReceiver(settings, storage, kept) as receiver:
        for webhook in (WEBHOOK, "none", WEBHOOK):
            assert refused(receiver, headers(secret=OLD), webhook=webhook)[0] == "unauthorized"
            assert refused(receiver, {}, webhook=webhook)[0] == "malformed"
        answered.set()
    assert threading.current_thread() not in threads
    assert len(waiting(client, "/flowledger/webhooks")) == 4, "whoever closes the receiver waits for them"


def test_lines_that_cannot_be_published_are_logged_and_bounded(
    settings: Settings, storage: Storage, kept: Kept, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("flowledger.services.webhooks.lines._MOST", 2)
    ended = threading.Event()

    def failing(*_: Any) -> Any:
        ended.wait(30)
        raise DatabaseUnavailable("it is away")

    monkeypatch.setattr(Once, "publish", failing)
    for name in "abc":
        set_up(storage, name)
    with WebhookReceiver(settings, storage, kept) as receiver:
        for name in "abc":
            refused(receiver, {}, webhook=name)
        ended.set()
    words = [record.getMessage() for record in caplog.records]
    assert words.count("an audit line about refused calls is left out: 2 others wait") == 1
    assert words.count("audit lines about refused calls are left out, 2: it is away") == 1


def test_whoever_closes_a_receiver_waits_for_seconds_at_most(
    settings: Settings, storage: Storage, kept: Kept, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("flowledger.services.webhooks.lines._CLOSING_SECONDS", 0.1)
    ended = threading.Event()
    monkeypatch.setattr(Once, "publish", lambda *_: ended.wait(30))
    for name in "abc":
        set_up(storage, name)
    before = time.monotonic()
    with WebhookReceiver(settings, storage, kept) as receiver:
        for name in "abc":
            refused(receiver, {}, webhook=name)
    assert time.monotonic() - before < 20
    ended.set()
    words = [record.getMessage() for record in caplog.records]
    assert words == ["audit lines about refused calls are left out: 3 wait at the end"]


def test_a_line_that_two_processes_publish_is_recorded_once(
    settings: Settings, storage: Storage, client: redis.Redis, kept: Kept
) -> None:
    set_up(storage)
    at = now()
    for address in ("192.0.2.1", "192.0.2.2"):
        with WebhookReceiver(settings, storage, kept, lambda: at) as receiver:
            refused(receiver, {}, address=address)
        for key in [*client.scan_iter("ledger:once:*"), *client.scan_iter("ledger:refused-told:*")]:
            client.delete(key)
    assert len(waiting(client, "/flowledger/webhooks")) == 2
    record_waiting(settings, client, storage)
    assert [line["ip_address"] for line in all_rows(storage)["audit_logs"].values()] == ["192.0.2.1"]
    assert dead_letters(storage) == []


def test_counts_expire_and_only_the_last_day_is_counted(client: redis.Redis, receiver: WebhookReceiver) -> None:
    refused(receiver, {})
    hour = int(now().timestamp()) // 3600
    assert 24 * 3600 < int(str(client.ttl(f"ledger:refused:{hour}"))) <= 25 * 3600
    assert refusals(client, (hour + 23) * 3600) == [Refusals("", "malformed", 1)]
    assert refusals(client, (hour + 24) * 3600) == []
    assert refusals(client, (hour - 1) * 3600) == []
