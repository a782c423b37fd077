"""Partitions are made weeks before they are needed (docs/decisions/0054)."""

from __future__ import annotations

import logging

from flowledger.domain.errors import DatabaseUnavailable
from flowledger.domain.times import now
from flowledger.storage.schema.partitions import AHEAD_WEEKS, make_partitions
from flowledger.storage.unit_of_work import Storage

logger = logging.getLogger(__name__)


def make_ahead(storage: Storage) -> None:
    """Make the partitions of this week and the coming ones. If that fails, it is logged: there is time to try again."""
    try:
        with storage.writing() as connection:
            made = make_partitions(connection, now(), AHEAD_WEEKS)
    except DatabaseUnavailable as error:
        logger.warning("the partitions of the coming weeks could not be made: %s", error)
        return
    if made:
        logger.info("made %d partitions of the coming weeks", made)
