"""Watches over the bond between the ledger and its broker while a worker runs (docs/decisions/0033).

A thread of each worker: it looks whether Redis is still the ledger's broker, and whether either of them has gone back
to an earlier state; and it tells the database that the broker is served, so that a second one can be told from it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import redis

from flowledger.domain import streams
from flowledger.domain.errors import BrokerUnsettled, DatabaseUnavailable, ForeignBroker
from flowledger.domain.settings import Settings
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.ledger.checkpoints import CheckpointRepository
from flowledger.storage.ledger.identity import LedgerRepository
from flowledger.storage.unit_of_work import Storage
from flowledger.workers import bond_words
from flowledger.workers.background import BackgroundThread
from flowledger.workers.bond import Bond
from flowledger.workers.broker import claim, lift, lost_entries, place_of
from flowledger.workers.connections import connect

logger = logging.getLogger(__name__)

BEAT_SECONDS: Final = 4.0
_UNSETTLED_SECONDS: Final = 0.5


class Watch(BackgroundThread):
    """Looks every few seconds, in a thread of its own; `refuse` is called where the broker is not the ledger's."""

    def __init__(self, settings: Settings, refuse: Callable[[str], None]) -> None:
        super().__init__("watch", self._run, join_seconds=1.0)
        self._client = connect(settings)
        self._storage = Storage(make_engine(settings.model_copy(update={"pool_size": 1, "pool_max_overflow": 1})))
        self._bond = Bond(self._client, settings, self._storage)
        self._refuse = refuse

    def look(self) -> None:
        """One look; raises what `Bond.meet` does."""
        self._bond.meet()
        if claim(self._client, streams.BEAT, int(BEAT_SECONDS * 900)):
            self._look_at_streams()
            with self._storage.writing() as connection:
                LedgerRepository(connection).beat(self._bond.text, place_of(self._client))

    def close(self) -> None:
        self._storage.close()
        self._client.close()

    def _run(self, stopping: threading.Event) -> None:
        pause = 0.0
        while not stopping.wait(pause):
            pause = BEAT_SECONDS
            try:
                self.look()
            except ForeignBroker as error:
                self._bond.tell(error)
                self._refuse(str(error))
                break
            except BrokerUnsettled as error:
                self._bond.tell(error)
                pause = _UNSETTLED_SECONDS
            except (DatabaseUnavailable, redis.RedisError):
                pass  # drains and the pump say so
            except Exception:  # a watch that ends would not be missed
                logger.exception("the watch over the broker failed; it tries again")
        with suppress(Exception):
            self.close()

    def _look_at_streams(self) -> None:
        """The database first: a stream that ends before what is recorded of it has lost entries."""
        with self._storage.reading() as connection:
            checkpoints = CheckpointRepository(connection).all()
        lost = lost_entries(self._client, checkpoints)
        if not lost:
            return
        (last, end), *_ = sorted(lost, key=lambda one: one[0].recorded_at, reverse=True)
        words = bond_words.broker_went_back(last.stream, last.entry_id, end, last.recorded_at)
        logger.error("%s", words)
        with self._storage.writing() as connection:
            LedgerRepository(connection).alarm(words)
        lift(self._client, [checkpoint for checkpoint, _ in lost])


def check_at_start(settings: Settings) -> None:
    """Raise ForeignBroker where Redis is not the ledger's; what is away, or not settled yet, is no reason to wait."""
    client = connect(settings, socket_timeout=5)
    try:
        with Storage(make_engine(settings)) as storage:
            Bond(client, settings, storage).check()
    except (DatabaseUnavailable, redis.RedisError):
        return
    finally:
        client.close()
