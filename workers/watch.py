"""Watches the bond between the ledger and its broker while a worker runs (docs/decisions/0033).

A thread of each worker checks whether Redis is still the ledger's broker, and whether Redis or the database has gone
back to an earlier state. It also writes to the database that the broker is served, so that a second one is recognised,
and has the partitions of the coming weeks made.
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
from flowledger.workers import bond_words, growth
from flowledger.workers.background import BackgroundThread
from flowledger.workers.bond import Bond
from flowledger.workers.broker import claim, lift, lost_entries, place_of
from flowledger.workers.connections import connect
from flowledger.workers.partitions import make_ahead

logger = logging.getLogger(__name__)

BEAT_SECONDS: Final = 4.0
_UNSETTLED_SECONDS: Final = 0.5
_PARTITIONS_MS: Final = 600_000
"""One of the workers looks that often whether the partitions of the coming weeks are there, and how all grows."""


class Watch(BackgroundThread):
    """Checks every few seconds, in a thread of its own. `refuse` is called if the broker is not the ledger's."""

    def __init__(self, settings: Settings, refuse: Callable[[str], None]) -> None:
        super().__init__("watch", self._run, join_seconds=1.0)
        self._settings = settings
        self._client = connect(settings)
        self._storage = Storage(make_engine(settings.model_copy(update={"pool_size": 1, "pool_max_overflow": 1})))
        self._bond = Bond(self._client, settings, self._storage)
        self._refuse = refuse

    def look(self) -> None:
        """Check once. Raises as `Bond.meet` does."""
        self._bond.meet()
        if claim(self._client, streams.BEAT, int(BEAT_SECONDS * 900)):
            self._look_at_streams()
            with self._storage.writing() as connection:
                LedgerRepository(connection).beat(self._bond.text, place_of(self._client))
        if claim(self._client, streams.PARTITIONS, _PARTITIONS_MS):
            make_ahead(self._storage)
            growth.look(self._client, self._settings, self._storage)

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
                pass  # drains and the pump report it
            except Exception:  # nobody would notice a thread that ended
                logger.exception("the watch over the broker failed; it is retried")
        with suppress(Exception):
            self.close()

    def _look_at_streams(self) -> None:
        """Report a stream that ends before an entry recorded of it: it has lost entries. The database is read first."""
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
    """Raise ForeignBroker if Redis is another ledger's. If a server is unavailable, or it is not settled, return."""
    client = connect(settings, socket_timeout=5)
    try:
        with Storage(make_engine(settings)) as storage:
            Bond(client, settings, storage).check()
    except (DatabaseUnavailable, redis.RedisError):
        return
    finally:
        client.close()
