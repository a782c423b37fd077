"""A worker's signs of life, given by a thread of its own every two seconds: to Redis, and to a file of this host.

It gives none if the pump does not turn any more: then nothing is recorded, although the process lives.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import redis

from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.workers import scripts
from flowledger.workers.background import BackgroundThread
from flowledger.workers.connections import connect
from flowledger.workers.health.liveness import SignFile

logger = logging.getLogger(__name__)

BEAT_SECONDS: Final = 2.0
_ANSWER_SECONDS: Final = 2.0
"""How long Redis may take: the file must not wait for it."""
_FORGOTTEN_MS: Final = 60_000


class Life(BackgroundThread):
    """Gives signs of life as long as `turns` answers True; `pool` says how the worker works, in words."""

    def __init__(self, settings: Settings, name: str, turns: Callable[[], bool], processes: int, pool: str) -> None:
        super().__init__("life", self._run, join_seconds=1.0)
        self._client = connect(
            settings.model_copy(update={"connect_timeout_seconds": int(_ANSWER_SECONDS)}),
            socket_timeout=_ANSWER_SECONDS,
        )
        self._file = SignFile(settings.home, name)
        self._name = name
        self._turns = turns
        self._told = json.dumps(
            {"host": socket.gethostname(), "pid": os.getpid(), "processes": processes, "pool": pool}
        )

    def give(self) -> None:
        """Give one sign, in the file first. Raises OSError and redis.RedisError."""
        try:
            self._file.give()
        finally:
            self._say(self._told)

    def _say(self, told: str) -> None:
        self._client.eval(scripts.BEAT, 1, streams.WORKERS, self._name, told, str(_FORGOTTEN_MS))

    def _run(self, stopping: threading.Event) -> None:
        self._open()
        pause = 0.0
        while not stopping.wait(pause):
            pause = BEAT_SECONDS
            if self._turns():
                with suppress(OSError, redis.RedisError):  # the pump reports Redis; `_open` the folder
                    self.give()
        with suppress(OSError, redis.RedisError):
            self._say("")
        with suppress(OSError):
            self._file.close()
        self._client.close()

    def _open(self) -> None:
        try:
            self._file.open()
        except OSError as error:
            logger.warning(
                "no sign of life can be left for `flowledger health --live`: %s; set LEDGER_HOME to a folder that "
                "this user may write",
                error,
            )
