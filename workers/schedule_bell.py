"""The bell of the scheduler: calls the Celery task that fires due schedules (`services.schedules`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import redis

from flowledger.domain import streams
from flowledger.domain.settings import Settings

BELL_MS: Final = 10_000
"""How long a bell that nobody answers keeps others from ringing: a task may be lost with its worker."""
_OVERDUE_MS: Final = 1_000


def ring(client: redis.Redis, settings: Settings, send: Callable[[], None]) -> None:
    """Call the scheduler with `send`: every `LEDGER_SCHEDULE_SECONDS`, once for all workers, unless it is on its way.

    Raises what `send` raises; the next round calls it again.
    """
    round_ms = max(1, int(settings.schedule_seconds * 1000))
    if not client.set(streams.SCHEDULE_ROUND, "rung", nx=True, px=round_ms):
        return
    if client.set(streams.SCHEDULE_BELL, "rung", nx=True, px=BELL_MS):
        try:
            send()
        except Exception:
            client.delete(streams.SCHEDULE_BELL)  # no scheduler will come
            raise


def is_overdue(client: redis.Redis) -> bool:
    """Return whether the bell rang a while ago and no scheduler came: all processes of the workers are busy."""
    left: Any = client.pttl(streams.SCHEDULE_BELL)
    return 0 <= left < BELL_MS - _OVERDUE_MS and not client.exists(streams.SCHEDULER)
