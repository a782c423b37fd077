"""Looks at the growth of the ledger every ten minutes, in one worker: keeps a sample of it, and logs its alarms."""

from __future__ import annotations

import logging
from typing import Final

import redis

from flowledger.domain import streams
from flowledger.domain.errors import DatabaseUnavailable
from flowledger.domain.settings import Settings
from flowledger.domain.times import now
from flowledger.storage.retention import sizes
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.status.growth import growth

logger = logging.getLogger(__name__)

_TOLD_SECONDS: Final = 3600


def look(client: redis.Redis, settings: Settings, storage: Storage) -> None:
    """Keep the sample of this hour. Log each alarm once, until it has been off for an hour; and if this fails."""
    try:
        with storage.writing() as connection:
            found = growth(connection, settings)
            sizes.keep(connection, {part.name: sizes.Size(part.bytes, part.rows) for part in found.parts}, now())
    except DatabaseUnavailable as error:
        logger.warning("the growth of the ledger could not be looked at: %s", error)
        return
    for name, words in found.alarms.items():
        if client.set(streams.alarm(name), 1, nx=True, ex=_TOLD_SECONDS):
            logger.error("%s", words)
        else:
            client.expire(streams.alarm(name), _TOLD_SECONDS)
