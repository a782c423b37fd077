"""A pipeline that makes missing partitions: a batch that meets one waits for it, and no event is refused for it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from flowledger.domain.errors import DatabaseUnavailable
from flowledger.storage.engines.engine import as_unavailable
from flowledger.storage.engines.pipeline import CheckpointRow, Flushed, NoPartition, Pipeline, Transaction
from flowledger.storage.ledger.journal import COLUMNS
from flowledger.storage.schema.partitions import make_partitions

logger = logging.getLogger(__name__)

_RECORDED_AT: Final = COLUMNS.index("recorded_at")


class PartitionMaking:
    """See `storage.engines.pipeline.Pipeline`; `pipeline` may raise NoPartition as well."""

    def __init__(self, engine: Engine, pipeline: Pipeline) -> None:
        self._engine = engine
        self._pipeline = pipeline

    def run(
        self, transactions: Sequence[Transaction], checkpoints: Sequence[CheckpointRow], bound: str | None = None
    ) -> Flushed:
        try:
            return self._pipeline.run(transactions, checkpoints, bound)
        except NoPartition as error:
            self._make_partitions(transactions, str(error))
        try:
            return self._pipeline.run(transactions, checkpoints, bound)
        except NoPartition as error:
            raise DatabaseUnavailable(str(error)) from error

    def _make_partitions(self, transactions: Sequence[Transaction], why: str) -> None:
        """Make what these transactions need. Raises DatabaseUnavailable if that fails: the events wait."""
        moments = {str(one.journal[_RECORDED_AT]) for one in transactions if one.journal is not None}
        try:
            with self._engine.begin() as connection:
                made = sum(make_partitions(connection, moment) for moment in moments)
        except SQLAlchemyError as error:
            raise as_unavailable(error, f"{why}, and it cannot be made: ") from error
        logger.warning("%s: %d were made while the batch waited", why, made)
