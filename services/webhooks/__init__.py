"""Calls of webhooks, by Standard Webhooks, start executions (docs/contract/webhooks.md)."""

from flowledger.services.webhooks.opened import receive
from flowledger.services.webhooks.receiver import Received, WebhookReceiver
from flowledger.services.webhooks.signature import Secrets

__all__ = ["Received", "Secrets", "WebhookReceiver", "receive"]
