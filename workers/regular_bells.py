"""Bells that ring regularly, once for all workers: they call Celery tasks of the services."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import redis

from flowledger.domain import streams

BELL_MS: Final = 10_000
"""How long a bell that nobody answers keeps others from ringing: a task may be lost with its worker."""
_OVERDUE_MS: Final = 1_000


class RegularBell(NamedTuple):
    """The keys of a bell: one while it is on its way, one while it need not ring, one of whoever is at work, if any."""

    bell: str
    round: str
    turn: str | None = None

    def ring(self, client: redis.Redis, seconds: float, send: Callable[[], None]) -> None:
        """Call the task with `send`: every so many seconds, once for all workers, unless it is on its way.

        Raises what `send` raises; the next round calls it again.
        """
        if not client.set(self.round, "rung", nx=True, px=max(1, int(seconds * 1000))):
            return
        if client.set(self.bell, "rung", nx=True, px=BELL_MS):
            try:
                send()
            except Exception:
                client.delete(self.bell)  # nobody will come
                raise

    def answer(self, client: redis.Redis) -> None:
        """Note that the task has come, so the bell may ring again."""
        client.delete(self.bell)

    def ring_again(self, client: redis.Redis) -> None:
        """Have the pumps ring at once: there is more to do."""
        client.delete(self.round)

    def is_overdue(self, client: redis.Redis) -> bool:
        """Return whether the bell rang a while ago and nobody came: all processes of the workers are busy."""
        left: Any = client.pttl(self.bell)
        is_late = 0 <= left < BELL_MS - _OVERDUE_MS
        return is_late and (self.turn is None or not client.exists(self.turn))


SCHEDULES: Final = RegularBell(streams.SCHEDULE_BELL, streams.SCHEDULE_ROUND, streams.SCHEDULER)
"""Calls the task that fires due schedules (`services.schedules`), every `LEDGER_SCHEDULE_SECONDS`."""
MAINTENANCE: Final = RegularBell(streams.MAINTENANCE_BELL, streams.MAINTENANCE_ROUND)
"""Calls the task that lets go what is too old (`services.retention`), every `LEDGER_MAINTAIN_SECONDS`."""
ALL: Final = (SCHEDULES, MAINTENANCE)
