"""The bell of the post office: calls the postman (`workers.postman`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import redis
from kombu.exceptions import OperationalError

from flowledger.domain import streams

BELL_MS: Final = 60_000
_OVERDUE_MS: Final = 1_000


class PostBell:
    """`send` sends the Celery task of a turn. A lost or doubled task does no harm: the pumps send one regularly."""

    def __init__(self, client: redis.Redis, send: Callable[[], None]) -> None:
        self._client = client
        self._send = send

    def ring(self) -> None:
        """Call the postman, unless one is on its way. One that has the turn checks the bell at its end."""
        if self._client.set(streams.POST_BELL, "rung", nx=True, px=BELL_MS):
            self.send()

    def send(self) -> None:
        """Send the Celery task. If Redis has no memory for it, nothing can be delivered, so the bell is removed."""
        try:
            self._send()
        except (OperationalError, redis.OutOfMemoryError):
            self._client.delete(streams.POST_BELL)

    def is_overdue(self) -> bool:
        """Return whether the bell rang a while ago and no postman came: all processes of the workers are busy."""
        left: Any = self._client.pttl(streams.POST_BELL)
        return 0 <= left < BELL_MS - _OVERDUE_MS and not self._client.exists(streams.POSTMAN)
