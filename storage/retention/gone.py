"""What a round of retention did to a table."""

from __future__ import annotations

from typing import Any, NamedTuple


class Gone(NamedTuple):
    """How much went: partitions (on PostgreSQL) and rows, and how many old rows stay because they are held.

    Of large partitions `rows` is PostgreSQL's estimate. If not all that is old enough went, `is_done` is false, and
    `waited` tells which lock was in the way, if one was: the rest goes in another round. `place` is where to go on if
    the caller ended it.
    """

    weeks: int = 0
    rows: int = 0
    kept: int = 0
    is_done: bool = True
    waited: str | None = None
    place: Any = None
