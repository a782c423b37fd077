"""What is kept of refused calls: counts for a day, and an audit line a minute (docs/contract/webhooks.md)."""

from __future__ import annotations

import redis

from flowledger.domain.settings import Settings
from flowledger.domain.times import now
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
