"""What pages know of the service: its settings, the database for reading, Redis, and whether Flower may control."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from flowledger.domain.settings import Settings
from flowledger.web.fresh import Fresh
from flowledger.web.reading import Reader
from flowledger.workers.connections import connect

KEY: Final = "flowledger"
"""Where it stands among the settings of Flower's application."""
_LARGE: Final = 2**20
_REDIS_SECONDS: Final = 15.0


@dataclass(eq=False)
class Ledger:
    """One for the process."""

    settings: Settings
    reader: Reader
    control: bool = False
    fresh: Fresh = field(default_factory=Fresh)

    @classmethod
    def of(cls, settings: Settings) -> Ledger:
        """Return that of these settings; connects to nothing yet. Raises SettingsError if a URL is missing."""
        return cls(settings, Reader(settings), settings.flower_control)

    @cached_property
    def redis(self) -> redis.Redis:
        """Connections to Redis, which read at most 1 MiB a reply; use them on threads (`LedgerHandler.work`) alone."""
        client = connect(self.settings, socket_timeout=_REDIS_SECONDS, most_bytes=_LARGE)
        client.set_retry(Retry(NoBackoff(), 1))  # a page tells at once that Redis does not answer
        return client

    def __repr__(self) -> str:
        return "Ledger"

    def close(self) -> None:
        """Close what was opened."""
        self.reader.close()
