"""Rounds of retention as a process of their own, beside workers, or instead of theirs (`flowledger maintain`)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from flowledger.domain.errors import DatabaseDenied, DatabaseUnavailable, LedgerError
from flowledger.domain.settings import Settings
from flowledger.services.retention.rounds import Maintenance
from flowledger.storage.retention.maintainer import only_one
from flowledger.storage.retention.rounds import Round
from flowledger.storage.unit_of_work import Storage

logger = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 0.5
"""How often it looks whether another maintainer has ended its turn; a worker's lasts `LEDGER_DRAIN_SECONDS`."""
_PATIENCE_SECONDS: Final = 60.0
_RETRY_SECONDS: Final = 5.0


class OthersMaintain(LedgerError):
    """Another maintainer is at work all the time: it does the same rounds."""


class MaintenanceService:
    """Does rounds; setting `stopping` ends it after the transaction under way, or the week."""

    def __init__(self, storage: Storage, settings: Settings, stopping: threading.Event) -> None:
        self._storage = storage
        self._seconds = settings.maintain_seconds
        self._stopping = stopping
        self._maintenance = Maintenance(storage, settings.keeping, is_over=stopping.is_set)

    def once(self, patience_seconds: float = _PATIENCE_SECONDS) -> Round:
        """Do one round, to its end unless it is stopped; first wait for others that are at work.

        Raises DatabaseUnavailable, and OthersMaintain after that time, or if it is stopped before.
        """
        until = time.monotonic() + patience_seconds
        while True:
            with only_one(self._storage) as is_mine:
                if is_mine is not None:
                    return self._maintenance.turn()
            if time.monotonic() >= until:
                raise OthersMaintain("another `flowledger maintain` is running: it does the same rounds")
            if self._stopping.wait(_LOOK_SECONDS):
                raise OthersMaintain("stopped while another `flowledger maintain` was running: no round was done")

    def run(self, tell: Callable[[Round], None]) -> None:
        """Do a round every `LEDGER_MAINTAIN_SECONDS` until it is stopped, and `tell` of each.

        Waits while the database is unavailable. Raises DatabaseDenied: it has the wrong role.

        It stays the only maintainer all the time: the rounds of workers, which may not have the rights, leave it alone.
        """
        is_away = False
        while not self._stopping.is_set():
            try:
                with only_one(self._storage) as is_mine:
                    while is_mine is not None and not self._stopping.is_set():
                        is_mine()
                        tell(self._maintenance.turn())
                        is_away = False
                        self._stopping.wait(self._seconds)
                self._stopping.wait(_LOOK_SECONDS)
            except DatabaseDenied:
                raise
            except DatabaseUnavailable as error:
                if not is_away:
                    logger.warning("retention waits for the database: %s", error)
                is_away = True
                self._stopping.wait(_RETRY_SECONDS)
