"""`flowledger.receive`: one receiver for each process, opened at the first call."""

from __future__ import annotations

import os
from threading import Lock
from typing import Final

from flowledger.domain.settings import Settings
from flowledger.services.vault import Vault, VaultKeyFile
from flowledger.services.webhooks.call import Headers
from flowledger.services.webhooks.receiver import Received, WebhookReceiver
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.unit_of_work import Storage


def receive(webhook_id: str, headers: Headers, body: bytes, address: str | None = None) -> Received:
    """Start the execution that a call of a webhook asks for, as `WebhookReceiver.receive` does.

    The environment names the servers (`REDIS_URL`, `DATABASE_URL`) and the key file of the vault. They are opened at
    the first call of the process, and serve all of its threads. In asyncio: `await asyncio.to_thread(receive, …)`.

    Raises SettingsError if the environment cannot be used, and what `WebhookReceiver.receive` raises.
    """
    return _OPENED.get().receive(webhook_id, headers, body, address)


def _receiver(settings: Settings) -> WebhookReceiver:
    """Return a receiver with a storage of its own, and the vault's secrets."""
    storage = Storage(make_engine(settings))
    return WebhookReceiver(settings, storage, Vault(storage, VaultKeyFile.of(settings)))


class _Opened:
    """The receiver of this process. A forked process opens one of its own: connections cannot be shared."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._receiver: WebhookReceiver | None = None
        os.register_at_fork(after_in_child=self._forget)

    def get(self) -> WebhookReceiver:
        with self._lock:
            if self._receiver is None:
                self._receiver = _receiver(Settings.load())
            return self._receiver

    def _forget(self) -> None:
        self._lock, self._receiver = Lock(), None


_OPENED: Final = _Opened()
