"""Redis and a receiver of webhooks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
import redis

from flowledger.domain.settings import Settings
from flowledger.services.webhooks import WebhookReceiver
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.connections import connect
from tests.services.webhooks.calling import SECRET, Kept


@pytest.fixture
def client(settings: Settings) -> Iterator[redis.Redis]:
    """Redis, as workers use it."""
    with closing(connect(settings)) as connected:
        yield connected


@pytest.fixture
def kept() -> Kept:
    """The secrets that there are."""
    return Kept(current=SECRET)


@pytest.fixture
def receiver(settings: Settings, storage: Storage, kept: Kept) -> Iterator[WebhookReceiver]:
    with WebhookReceiver(settings, storage, kept) as opened:
        yield opened
