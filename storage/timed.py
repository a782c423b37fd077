"""Rows that have a start and an end."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Row, Select, select

from flowledger.domain.keys import earliest_has_time, has_time
from flowledger.storage.repository import Record, Repository

_TOOK: Final = "took_seconds"


class Timed(Repository[Record]):
    """Reads rows that have a start and an end: their records have the time between, `took_seconds`."""

    def _select(self) -> Select[Any]:
        shown = (self.table.c[name] for name in self.record.__slots__ if name != _TOOK)
        return select(*shown, self.table.c.started_at_key, self.table.c.status_key)

    def _record(self, row: Row[Any]) -> Record:
        values = dict(row._mapping)
        record: Record = self.record(
            **{name: values[name] for name in self.record.__slots__ if name != _TOOK},
            took_seconds=_took_seconds(values),
        )
        return record


def _took_seconds(row: dict[str, Any]) -> float | None:
    began, ended = row["started_at"], row["finished_at"]
    if began is None or ended is None or ended < began:
        return None
    has_times = earliest_has_time(row["started_at_key"]) and has_time(row["status_key"])
    took: float = (ended - began).total_seconds()
    return took if has_times else None
