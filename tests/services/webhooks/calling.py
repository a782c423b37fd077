"""Calls of webhooks, made and signed by the package of the standard, as its senders do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import redis
from pydantic import SecretBytes
from standardwebhooks import Webhook as Sender

from flowledger.domain.errors import LedgerError, WebhookRefused
from flowledger.domain.settings import Settings
from flowledger.domain.times import now
from flowledger.services.webhooks import Received, WebhookReceiver
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.drain import Drain
from tests.builders import event
from tests.client.looking import events
from tests.storage.recording import record

WEBHOOK: Final = "hook_1"
SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD: Final = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
BODY: Final = b'{"order": {"id": 7}}'


class Kept:
    """Secrets in memory; counts how often it was asked."""

    def __init__(self, **secrets: str) -> None:
        self.secrets = {name: secret.encode() for name, secret in secrets.items()}
        self.asked: list[str] = []

    def get(self, name: str, /) -> SecretBytes:
        self.asked.append(name)
        if name not in self.secrets:
            raise LedgerError(f"the vault has no secret {name!a}")
        return SecretBytes(self.secrets[name])


def set_up(storage: Storage, webhook_id: str = WEBHOOK, **data: Any) -> None:
    """Record a webhook of workflow wf_1 whose secret is `current`, or with other data."""
    given = {"workflow_id": "wf_1", "secret_names": ["current"]} | data
    record(storage, event("webhook.created", subject=webhook_id, **given))


def headers(
    call_id: str = "msg_1", body: bytes = BODY, *, secret: str = SECRET, late: float = 0.0, at: datetime | None = None
) -> dict[str, str]:
    """The headers of a call that was made `late` seconds ago."""
    moment = (at or now()) - timedelta(seconds=late)
    signature = Sender(secret).sign(call_id, moment, body.decode())
    return {
        "webhook-id": call_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": signature,
        "content-type": "application/json",
    }


def call(
    receiver: WebhookReceiver, call_id: str = "msg_1", body: bytes = BODY, address: str | None = None, **how: Any
) -> Received:
    """Call the webhook with a signed body."""
    return receiver.receive(WEBHOOK, headers(call_id, body, **how), body, address)


def refused(receiver: WebhookReceiver, given: Any, body: bytes = BODY, **how: Any) -> tuple[str, str, int]:
    """Reason, cause and HTTP status of a call that is refused."""
    webhook, address = how.get("webhook", WEBHOOK), how.get("address")
    try:
        receiver.receive(webhook, given, body, address)
    except WebhookRefused as error:
        return error.reason.value, error.cause, error.http_status
    raise AssertionError("it was accepted")


def record_waiting(settings: Settings, client: redis.Redis, storage: Storage) -> int:
    """Record all entries that wait, as a worker does; return how many were new."""
    quick = settings.model_copy(update={"linger_seconds": 0.0})
    return sum(Drain(quick, client, storage, shard).run()["recorded"] for shard in range(settings.shards))


def waiting(client: redis.Redis, source: str = "/webhooks/hook_1") -> list[Mapping[str, Any]]:
    """The events of a source that wait in the streams."""
    return [one for one in events(client) if one["source"] == source]
