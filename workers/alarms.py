"""Reports dead letters that become too many, or too large, before they fill a disk."""

from __future__ import annotations

import logging
import time
from typing import Any, Final

import redis

from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.storage.ledger.dead_letters import DeadLetterRepository
from flowledger.storage.unit_of_work import Storage

logger = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 10
_TOLD_SECONDS: Final = 600
_MINUTE: Final = 60
_MEBIBYTE: Final = 2**20
TO_DO: Final = (
    "see `flowledger dead-letters list`, stop or mend the producer (`flowledger pause --source S` sets its entries "
    "aside), then replay or discard them"
)

_told: dict[str, float] = {}


def tell_once(words: str) -> None:
    """Log an error, but not the same error again within ten minutes."""
    now = time.monotonic()
    for known in [known for known, at in _told.items() if now - at >= _TOLD_SECONDS]:
        del _told[known]
    if words not in _told and len(_told) < _MINUTE:
        logger.error("%s", words)
        _told[words] = now


class Alarms:
    """Checks whether dead letters are too many: at most every ten seconds, in one worker at a time."""

    def __init__(self, client: redis.Redis, settings: Settings, storage: Storage) -> None:
        self._client = client
        self._settings = settings
        self._storage = storage

    def look(self) -> None:
        """Log what is too much: once, until it has been below the limit for ten minutes."""
        if not self._client.set(streams.alarm("looked"), 1, nx=True, ex=_LOOK_SECONDS):
            return
        with self._storage.looking() as connection:
            size = DeadLetterRepository(connection).open_bytes() if self._settings.dead_letter_alarm_bytes else 0
        for what, words in alarms(self._settings, per_minute(self._client), size).items():
            if self._client.set(streams.alarm(what), 1, nx=True, ex=_TOLD_SECONDS):
                logger.error("%s; %s", words, TO_DO)
            else:
                self._client.expire(streams.alarm(what), _TOLD_SECONDS)


def alarms(settings: Settings, per_minute: int, open_bytes: int) -> dict[str, str]:
    """Return what is too much: `rate`, `bytes` or both, each with a message."""
    found = {}
    if 0 < settings.dead_letter_alarm_per_minute < per_minute:
        most = f"the alarm is at {settings.dead_letter_alarm_per_minute:,} (LEDGER_DEAD_LETTER_ALARM_PER_MINUTE)"
        found["rate"] = f"{per_minute:,} new dead letters in the last minute; {most}"
    if 0 < settings.dead_letter_alarm_bytes < open_bytes:
        most = f"the alarm is at {_mebibytes(settings.dead_letter_alarm_bytes)} (LEDGER_DEAD_LETTER_ALARM_BYTES)"
        found["bytes"] = f"open dead letters take {_mebibytes(open_bytes)}; {most}"
    return found


def per_minute(client: redis.Redis) -> int:
    """Return the number of new dead letters of the last minute."""
    now = time.time()
    with client.pipeline(transaction=False) as pipeline:
        for ago in range(_MINUTE // streams.RATE_SECONDS):
            pipeline.hget(streams.rate(now - streams.RATE_SECONDS * ago), "dead")
        counts: list[Any] = pipeline.execute()
    return sum(int(count or 0) for count in counts)


def _mebibytes(size: int) -> str:
    return f"{size / _MEBIBYTE:,.1f} MiB"
