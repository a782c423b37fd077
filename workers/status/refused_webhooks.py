"""The calls of webhooks that were refused, for `flowledger status`: counts that `services.webhooks` keeps in Redis."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass
from typing import Final

import redis

from flowledger.domain import streams

_HOURS: Final = 24
_HOUR: Final = 3_600


@dataclass(frozen=True, slots=True)
class Refusals:
    """How many calls of a webhook were refused in the last 24 hours, and why; `webhook_id` is "" for unknown ids."""

    webhook_id: str
    cause: str
    count: int


def refusals(client: redis.Redis, now: float | None = None) -> list[Refusals]:
    """Return the refusals of the last 24 hours, to the hour; the most frequent first."""
    this_hour = int(time.time() if now is None else now) // _HOUR
    counts: Counter[tuple[str, str]] = Counter()
    for hour in range(this_hour - _HOURS + 1, this_hour + 1):
        for field, count in client.hgetall(streams.refused(hour)).items():
            webhook, cause = json.loads(field)
            counts[webhook, cause] += int(count)
    return [Refusals(*of, count) for of, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
