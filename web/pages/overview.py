"""`/ledger`: how the service does, at a glance."""

from __future__ import annotations

from flowledger.web.handler import LedgerHandler
from flowledger.workers.status.gather import Status, gathered


class Overview(LedgerHandler):
    """Backlog, rates, dead letters, deliveries, workers, schedules, and what is wrong with the servers."""

    section = "overview"

    async def page(self) -> None:
        """Write the page."""
        self.show("overview", status=await self.work(self._status))

    def _status(self) -> Status:
        return gathered(self.ledger.settings, self.ledger.redis, self.ledger.reader.storage)
