"""When executions and tasks failed: a row for each that ever did, by which those that are failed are found by time.

No index of `executions` or `tasks` names a column that a report of a status changes: each report would then change all
indexes of the row. So the failures have tables of their own, which only failing reports write. A row belongs to the
failing report with the greatest key of CONTRACT §3, whatever came later; while that report owns the subject's status as
well (both rows have its key), the subject is failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Final

from sqlalchemy import Column, ColumnElement, ForeignKey, Index, Select, Table, select

from flowledger.domain.envelope import Event
from flowledger.domain.keys import event_key
from flowledger.domain.statuses import RANKS, Status
from flowledger.storage.filters import Filter, between, having
from flowledger.storage.kinds.parts import moment
from flowledger.storage.merge.groups import group
from flowledger.storage.merge.writes import Write
from flowledger.storage.narrowed import Condition, Counted, Narrowed, NarrowingRepository
from flowledger.storage.paging import Order, Page
from flowledger.storage.repository import Record, SubjectRepository
from flowledger.storage.schema.columns import key, metadata
from flowledger.storage.schema.types import Name, UtcTime

FAILING: Final = frozenset({Status.FAILED, Status.TIMED_OUT})
"""The statuses that are failures; who was cancelled or skipped has not failed."""

LAST_FAILURE: Final = group("status_key", "failed_at")


class Failures:
    """The table of the failures of one kind of subjects."""

    def __init__(self, kind: str, subjects: Table) -> None:
        self.subject: Column[str] = Column(
            f"{kind}_id", Name, ForeignKey(f"{subjects.name}.id", ondelete="CASCADE"), primary_key=True
        )
        self.table = Table(
            f"{kind}_failures",
            metadata,
            self.subject,
            Column("failed_at", UtcTime, nullable=False),
            key("status_key"),
            Index(f"ix_{kind}_failures_failed_at", "failed_at", f"{kind}_id"),
        )
        self.newest_first: Final = Order((self.table.c.failed_at, self.subject), descending=True)

    def write(self, event: Event, recorded_at: str) -> Write:
        """Write the time of a failing report."""
        status = event.data.status
        assert status in FAILING
        key_ = event_key(event.data.attempt, RANKS[Status(status)], event.order)
        write = Write(self.table, **{self.subject.name: event.subject})
        return write.group(LAST_FAILURE, key_, failed_at=moment(event, recorded_at))


class FailingRepository(NarrowingRepository[Record], SubjectRepository[Record]):
    """Reads the records of subjects that may fail."""

    failures: ClassVar[Failures]

    def failed(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        offset: int = 0,
        after: str | None = None,
        **of: Filter,
    ) -> Page[Record]:
        """Return a page of the records that are failed or timed out, the last failure first.

        `since` and `until` are times of the failure, `finished_at`. Filters and errors are those of `newest`.
        """
        return self._page(self._failed(since, until, of), self.failures.newest_first, limit, offset, after)

    def count_failed(
        self, *, since: datetime | None = None, until: datetime | None = None, most: int | None = None, **of: Filter
    ) -> int:
        """Return the number of records that `failed` lists; with `most`, no more than that many are counted."""
        return self._count(self._failed(since, until, of), most)

    def count_last_failed(self, *, since: datetime | None = None, until: datetime | None = None) -> Counted:
        """Return how many records are failed or timed out, of those that failed last; see `narrowed.MOST`."""
        failures = self.failures.table.c
        rows = select(self.failures.subject, failures.failed_at, failures.status_key)
        rows = rows.where(*between(failures.failed_at, since, until))
        return self._count_narrowed(rows, self._stands, self.failures.newest_first)

    def _stands(self, failure: Any) -> ColumnElement[bool]:
        """Return the condition that nothing came after a failure. As a subquery it is asked of each by the index."""
        subject = select(self.table.c.status_key).where(self.table.c.id == failure[self.failures.subject.name])
        stands: ColumnElement[bool] = failure.status_key >= subject.scalar_subquery()
        return stands

    def in_status(
        self,
        status: Filter,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        oldest: bool = False,
        limit: int = 50,
        after: str | None = None,
        **of: Filter,
    ) -> Narrowed[Record]:
        """Return a page of the records in some statuses, newest (or `oldest`) first, as `newest` does with `status`.

        At most `narrowed.MOST` records are read for it, whatever their statuses are.
        """
        rows, condition = self._listed(False, of, since, until), self._is_in(status)
        return self._narrowed(rows, condition, self._by_age(not oldest), limit, after)

    def count_in_status(
        self, status: Filter, *, since: datetime | None = None, until: datetime | None = None, **of: Filter
    ) -> Counted:
        """Return how many of the newest records are in some statuses."""
        return self._count_narrowed(self._listed(False, of, since, until), self._is_in(status), self._by_age(True))

    def _is_in(self, status: Filter) -> Condition:
        values = [status] if isinstance(status, str) else [*(status or ())]
        having(self.table, ("status",), {"status": values})  # refuses what no status can be
        return lambda columns: columns.status.in_(values)

    def _failed(self, since: datetime | None, until: datetime | None, of: Mapping[str, Filter]) -> Select[Any]:
        failures = self.failures.table.c
        # The keys are equal, or the status has a greater one. Of two equalities PostgreSQL expects one row of all, and
        # then joins both tables as a whole, whatever the limit is.
        stands = (self.failures.subject == self.table.c.id) & (failures.status_key >= self.table.c.status_key)
        statement = self._having(of).select_from(self.failures.table.join(self.table, stands))
        return statement.where(*between(failures.failed_at, since, until))
