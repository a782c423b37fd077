"""What the sync and the asyncio publisher share, apart from how they wait."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from flowledger.client.plans.publishing import Published, counting_backlog, publishing
from flowledger.client.plans.spooling import Spooling
from flowledger.client.plans.steps import Plan
from flowledger.client.prepared import Prepared, Publishable, prepare
from flowledger.client.spool import Spool
from flowledger.domain.errors import Refused
from flowledger.domain.settings import Settings

SpoolPath = str | os.PathLike[str]


class BasePublisher:
    """Settings, the spool where there is one, and the plans that both faces follow."""

    def __init__(self, redis_url: str | None = None, settings: Settings | None = None, **given: Any) -> None:
        if redis_url is not None:
            given["redis_url"] = redis_url
        self.settings = settings or Settings.load(**given)
        self._limits = self.settings.limits
        self._spooling: Spooling | None = None

    @property
    def spool(self) -> Spool | None:
        """The spool, to look at."""
        return None if self._spooling is None else self._spooling.spool

    @property
    def spooled(self) -> int:
        """How many events wait in the spool for Redis."""
        return 0 if self._spooling is None else self._spooling.spool.waiting

    def prepare(self, event: Publishable) -> Prepared:
        """Check an event, and fix its id and its time, once, so that it can be sent again and again; raises Refused."""
        return prepare(event, shards=self.settings.shards, limits=self._limits)

    def _open(self, spool: SpoolPath | None) -> None:
        if spool is not None:
            opened = Spool(spool, self.settings.spool_max_bytes)
            self._spooling = Spooling(opened, self.prepare, self.settings.publish_timeout_seconds)

    def _publishing(self, events: Iterable[Publishable | Prepared]) -> Plan[list[Published]]:
        prepared = (self._prepared(index, event) for index, event in enumerate(events))
        if self._spooling is not None:
            return self._spooling.publishing(prepared)
        return publishing(prepared, self.settings.publish_timeout_seconds)

    def _prepared(self, index: int, event: Publishable | Prepared) -> Prepared:
        try:
            return event if isinstance(event, Prepared) else self.prepare(event)
        except Refused as refused:
            refused.index = index
            raise

    def _flushing(self, spooling: Spooling, timeout_seconds: float | None) -> Plan[int]:
        patience = self.settings.publish_timeout_seconds
        return spooling.flushing(
            patience if timeout_seconds is None else min(patience, timeout_seconds), timeout_seconds
        )

    def _counting_backlog(self) -> Plan[int]:
        return counting_backlog(self.settings.shards, self.settings.publish_timeout_seconds)
