"""The bell of the post office: asks for the postman (`workers.postman`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import redis
from kombu.exceptions import OperationalError

from domain import streams

_BELL_MS: Final = 60_000
_OVERDUE_MS: Final = 1_000

Send = Callable[[str, int], None]
"""Sends the Celery task of a turn: on behind which recipient, and how many messages went before."""


class PostBell:
    """Asks for the postman. Lost or doubled, it does no harm: the pumps ring every `LEDGER_POST_SECONDS`."""

    def __init__(self, client: redis.Redis, send: Send) -> None:
        self._client = client
        self._send = send

    def ring(self, after: str = "", put: int = 0) -> None:
        """Sends a postman, unless one is on the way; one that has the turn looks again at its end."""
        try:
            if self._client.set(streams.POST_BELL, "rung", nx=True, px=_BELL_MS):
                self._send(after, put)
        except (OperationalError, redis.OutOfMemoryError):  # without memory there is nothing for it to do
            self._client.delete(streams.POST_BELL)

    def is_overdue(self) -> bool:
        """Whether it rang a while ago, and nobody came: all processes of the workers are busy."""
        left: Any = self._client.pttl(streams.POST_BELL)
        return 0 <= left < _BELL_MS - _OVERDUE_MS and not self._client.exists(streams.POSTMAN)
