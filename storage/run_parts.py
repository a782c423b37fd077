"""Rows that belong to an execution, such as its tasks and its node runs: how they stand, and what they used."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from flowledger.storage.repository import Record, Repository


class RunPartRepository(Repository[Record]):
    """Reads rows that have an `execution_id`, a `status` and a `usage`."""

    def statuses_of(self, execution_id: str, *, most: int) -> dict[str, int]:
        """Return how many rows of an execution are in each status; no more than `most` rows are counted."""
        columns = self.table.c
        rows = select(columns.status).where(columns.execution_id == execution_id).limit(most).subquery()
        counts = select(rows.c.status, func.count()).group_by(rows.c.status)
        return {row[0]: row[1] for row in self.connection.execute(counts)}

    def usages_of(self, execution_id: str, *, most: int) -> list[dict[str, Any]]:
        """Return what each row of an execution reports to have used, of those that report it, no more than `most`."""
        columns = self.table.c
        used = select(columns.usage).where(columns.execution_id == execution_id, columns.usage.is_not(None))
        return list(self.connection.execute(used.limit(most)).scalars())
