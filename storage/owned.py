"""Rows that belong to others, such as the node runs of an execution: they are listed of an owner."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Select

from flowledger.domain.errors import InvalidArgument, UnknownFilter
from flowledger.storage.filters import Filter, between
from flowledger.storage.paging import Order, Page
from flowledger.storage.repository import Record, Repository


class OwnedRepository(Repository[Record]):
    """Reads rows that belong to others, listed as those of subjects are, but never all of them at once."""

    owned_by: ClassVar[tuple[tuple[str, ...], ...]]
    """The columns that name an owner, one or several ways; a list needs those of one way."""
    in_order: ClassVar[Order]
    """The order of a list, oldest first; the owner's columns take part, if one may ask for several owners."""

    def newest(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        offset: int = 0,
        after: str | None = None,
        **of: Filter,
    ) -> Page[Record]:
        """Return a page of the rows of an owner, the last in order first.

        Filters and errors are those of the `newest` of subjects. Raises InvalidArgument if no owner is given, and
        UnknownFilter for `since` and `until` if the rows have no time.
        """
        return self._page(self._listed(of, since, until), self._in_order(True), limit, offset, after)

    def oldest(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        offset: int = 0,
        after: str | None = None,
        **of: Filter,
    ) -> Page[Record]:
        """Return the same rows as `newest`, in order."""
        return self._page(self._listed(of, since, until), self._in_order(False), limit, offset, after)

    def count(
        self, *, since: datetime | None = None, until: datetime | None = None, most: int | None = None, **of: Filter
    ) -> int:
        """Return the number of rows that `newest` lists; without an owner, of all. `most` is that of `count`s."""
        return self._count(self._between(of, since, until), most)

    def _listed(self, of: Mapping[str, Filter], since: datetime | None, until: datetime | None) -> Select[Any]:
        given = {name for name, value in of.items() if value is not None}
        if not any(given.issuperset(names) for names in self.owned_by):
            ways = " or ".join(" and ".join(names) for names in self.owned_by)
            raise InvalidArgument(f"{self.table.name} are listed of an owner: give {ways}")
        return self._between(of, since, until)

    def _between(self, of: Mapping[str, Filter], since: datetime | None, until: datetime | None) -> Select[Any]:
        statement = self._having(of)
        if self.time is None and (since, until) != (None, None):
            raise UnknownFilter(self.table.name, "since" if until is None else "until", self.filters())
        return statement if self.time is None else statement.where(*between(self.table.c[self.time], since, until))

    def _in_order(self, descending: bool) -> Order:
        return Order(self.in_order.columns, descending)
