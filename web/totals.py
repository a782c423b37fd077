"""How many rows a list has: exact to 10,000, for to count more takes longer than to read the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, func, select

MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class Total:
    """A number of rows; if `is_more`, there are more than `count`."""

    count: int
    is_more: bool = False


def total(connection: Connection, statement: Select[Any]) -> Total:
    """Return how many rows `statement` has; at most MOST + 1 are read."""
    some = statement.order_by(None).limit(MOST + 1).subquery()
    count: int = connection.execute(select(func.count()).select_from(some)).scalar_one()
    return Total(min(count, MOST), count > MOST)
