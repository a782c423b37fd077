"""The bell of the post office: asks for the postman (`workers.postman`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import redis
from kombu.exceptions import OperationalError

from flowledger.domain import streams

BELL_MS: Final = 60_000
_OVERDUE_MS: Final = 1_000


class PostBell:
    """`send` sends the Celery task of a turn. Lost or doubled, it does no harm: the pumps send one now and then."""

    def __init__(self, client: redis.Redis, send: Callable[[], None]) -> None:
        self._client = client
        self._send = send

    def ring(self) -> None:
        """Sends a postman, unless one is on the way; one that has the turn looks again at its end."""
        if self._client.set(streams.POST_BELL, "rung", nx=True, px=BELL_MS):
            self.send()

    def send(self) -> None:
        """Sends a postman; not if Redis has no memory for Celery's messages, for then there is nothing to deliver."""
        try:
            self._send()
        except (OperationalError, redis.OutOfMemoryError):
            self._client.delete(streams.POST_BELL)

    def is_overdue(self) -> bool:
        """Whether it rang a while ago, and nobody is at work: all processes of the workers are busy."""
        left: Any = self._client.pttl(streams.POST_BELL)
        return 0 <= left < BELL_MS - _OVERDUE_MS and not self._client.exists(streams.POSTMAN)
