"""Rows that belong to an execution, such as its tasks and its node runs: how they stand, and what they used."""

from __future__ import annotations

from sqlalchemy import Double, Text, case, cast, column, func, select, true

from flowledger.storage.repository import Record, Repository
from flowledger.storage.schema.types import Json


class RunPartRepository(Repository[Record]):
    """Reads rows that have an `execution_id`, a `status` and a `usage`."""

    def statuses_of(self, execution_id: str, *, most: int) -> dict[str, int]:
        """Return how many rows of an execution are in each status; no more than `most` rows are counted."""
        columns = self.table.c
        rows = select(columns.status).where(columns.execution_id == execution_id).limit(most).subquery()
        counts = select(rows.c.status, func.count()).group_by(rows.c.status)
        return {row[0]: row[1] for row in self.connection.execute(counts)}

    def used_by(self, execution_id: str, *, most: int) -> dict[str, float]:
        """Return the sums of the numbers in the `usage` of an execution's rows, by name; no more than `most` are added.

        Numbers inside of objects are left out. A sum has the precision of a double.
        """
        columns = self.table.c
        rows = select(columns.usage).where(columns.execution_id == execution_id, columns.usage.is_not(None))
        used = rows.limit(most).subquery()
        if self.connection.dialect.name == "postgresql":
            is_object = func.jsonb_typeof(used.c.usage) == "object"
            parts = func.jsonb_each(case((is_object, used.c.usage))).table_valued("key", column("value", Json))
            parts = parts.render_derived(name="part")
            number = case((func.jsonb_typeof(parts.c.value) == "number", cast(cast(parts.c.value, Text), Double)))
        else:
            parts = func.json_each(used.c.usage).table_valued("key", "value", "type", name="part")
            number = case((parts.c.type.in_(("integer", "real")), cast(parts.c.value, Double)))
        sums = select(parts.c.key, func.sum(number)).select_from(used.join(parts, true())).group_by(parts.c.key)
        return {str(name): total for name, total in self.connection.execute(sums) if total is not None}
