"""A broker that comes back without its data (FLUSHALL, a new disk): nobody must overlook that.

The broker and the database hold a mark of each other. A broker without one is new, or has lost what it held.
"""

from __future__ import annotations

import logging
import uuid

from domain import streams
from domain.times import now, sortable, written_time
from storage.pipeline import CheckpointRow
from storage.repositories import CheckpointRepository
from storage.unit_of_work import Storage
from workers.shards import Shards

logger = logging.getLogger(__name__)


def meet_broker(shards: Shards, storage: Storage) -> None:
    """Marks a broker that has no mark, and says so loudly if the database knows one. Raises DatabaseUnavailable."""
    with storage.reading() as connection:
        checkpoints = CheckpointRepository(connection)
        known, last = checkpoints.get(streams.BROKER), checkpoints.latest()
    mark = uuid.uuid4().hex
    storage.unit_of_work().flush([CheckpointRow(streams.BROKER, mark, sortable(now()))])
    if shards.mark_broker(mark) and known is not None:
        logger.error(
            "the broker has lost its data: what it had accepted and was not recorded yet is gone; the last entry was "
            "recorded at %s; publish again what was published since, with the same ids, and nothing is doubled; "
            "`flowledger redeliver` puts into inboxes again what stood there",
            "no time" if last is None else written_time(last.recorded_at),
        )
