"""Checks the servers every minute, in every worker; logs each finding once, and once when it is resolved."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from typing import Final

import redis

from flowledger.domain.errors import LedgerError
from flowledger.domain.settings import Settings
from flowledger.workers import checks
from flowledger.workers.background import BackgroundThread
from flowledger.workers.checks import Finding, Severity
from flowledger.workers.connections import connect

logger = logging.getLogger(__name__)

WATCH_SECONDS: Final = 60.0
_LEVELS: Final = {Severity.REFUSE: logging.ERROR, Severity.WARN: logging.WARNING, Severity.UNKNOWN: logging.INFO}


class ServerWatch(BackgroundThread):
    """Checks in a thread of its own, for which nobody waits: a server that does not answer blocks nobody."""

    def __init__(self, settings: Settings, seconds: float = WATCH_SECONDS) -> None:
        super().__init__("server watch", self._run, join_seconds=0.0)
        self.settings = settings
        self._seconds = seconds
        self._may_ask_config = True
        self._known: dict[str, dict[tuple[str, str], Finding]] = {"redis": {}, "database": {}}

    def look(self) -> None:
        """Check both servers and log what has changed. The findings of an unavailable server stay."""
        with suppress(redis.RedisError, OSError):  # the pump reports it
            self._tell("redis", self._of_redis())
        with suppress(LedgerError):  # the drains report it
            self._tell("database", checks.of_database(self.settings))

    def _run(self, stopping: threading.Event) -> None:
        while True:
            try:
                self.look()
            except Exception:  # a thread that ended would look like servers without findings
                logger.exception("the servers could not be checked")
            if stopping.wait(self._seconds):
                return

    def _of_redis(self) -> list[Finding]:
        client = connect(self.settings)
        try:
            found = checks.of_redis(client, with_config=self._may_ask_config)
        finally:
            client.close()
        if any(finding.severity is Severity.UNKNOWN for finding in found):
            self._may_ask_config = False  # Redis logs each refusal: once is enough
        return found

    def _tell(self, server: str, findings: list[Finding]) -> None:
        found = {(finding.server, finding.setting): finding for finding in findings}
        known, self._known[server] = self._known[server], found
        for key, finding in found.items():
            if known.get(key) != finding:
                logger.log(_LEVELS[finding.severity], "%s", finding)
        for key, finding in known.items():
            if key not in found and finding.severity is not Severity.UNKNOWN:
                logger.warning("%s: %s is correct again", *key)
