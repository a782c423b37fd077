"""Lists of executions and of tasks: by what filters, how many there are, and where they go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic

from flowledger.storage.kinds.failures import FAILING, FailingRepository
from flowledger.storage.narrowed import Counted
from flowledger.storage.repository import Record
from flowledger.web.totals import MOST, Total

PAGE: Final = 50
FAILED: Final = tuple(sorted(status.value for status in FAILING))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked for. `of` are filters that indexes serve; `failed` are all statuses that are failures."""

    of: Mapping[str, str]
    status: str | None = None
    failed: bool = False
    since: datetime | None = None
    until: datetime | None = None
    after: str | None = None

    @property
    def statuses(self) -> tuple[str, ...]:
        """Return the statuses of which a record must have one; none is any."""
        if self.status is None:
            return FAILED if self.failed else ()
        return (self.status,) if not self.failed or self.status in FAILED else ("",)

    @property
    def by_failure(self) -> bool:
        """Whether the list is of all failures, in order of their times, which has an index of its own."""
        return self.statuses == FAILED and not self.of


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[Record]):
    """A page of a list.

    If `of_newest` is set, the total is that of so many newest records. If `looked_back_to` is set, the page ended there
    before it was full; older records may be in the list, too.
    """

    items: tuple[Record, ...]
    cursor: str | None
    total: Total
    of_newest: int | None = None
    looked_back_to: datetime | None = None


def listed(repository: FailingRepository[Record], asked: Asked) -> Listing[Record]:
    """Return a page of what is asked for, newest first; failures alone by their times. Two or three queries.

    Raises BadCursor, and InvalidArgument for a status that there is not.
    """
    of: dict[str, Any] = {"since": asked.since, "until": asked.until, **asked.of}
    if asked.by_failure:
        page = repository.failed(since=asked.since, until=asked.until, limit=PAGE, after=asked.after)
        counted = repository.count_last_failed(since=asked.since, until=asked.until)
        return Listing(items=page.items, cursor=page.cursor, **_total(counted))
    if asked.statuses:
        found = repository.in_status(asked.statuses, limit=PAGE, after=asked.after, **of)
        counted = repository.count_in_status(asked.statuses, **of)
        total = _total(counted)
        return Listing(items=found.items, cursor=found.cursor, looked_back_to=found.looked_back_to, **total)
    page = repository.newest(limit=PAGE, after=asked.after, **of)
    return Listing(items=page.items, cursor=page.cursor, total=total_of(repository.count(most=MOST + 1, **of)))


def total_of(count: int) -> Total:
    """Return the total of a count that went no further than MOST + 1."""
    return Total(min(count, MOST), count > MOST)


def _total(counted: Counted) -> dict[str, Any]:
    """Return the total, and of how many records it is if those were not all."""
    is_part = counted.read > MOST and counted.kept <= MOST
    return {"total": total_of(counted.kept), "of_newest": MOST if is_part else None}
