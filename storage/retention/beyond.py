"""Events from beyond the horizon of names: an unknown one may have been recorded before, so it is refused.

Only events from before a *bound* are compared with the horizon, in the statement that records them; all others cost
nothing. The bound is the horizon as this process knows it, and a day more. A flush tells the database its bound, and is
refused there if the horizon has passed it: so nothing is recorded by an old bound, however long the process slept, and
no clock counts (docs/decisions/0060).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, select

from flowledger.domain.envelope import Event
from flowledger.domain.errors import Reason, Refused
from flowledger.domain.times import sortable
from flowledger.storage.merge.conditions import Condition, Relation
from flowledger.storage.retention.horizons import TABLE

NAMES: Final = "names"
_MORE: Final = timedelta(days=1)
"""So the horizon, which moves as time goes by, passes no bound of a process that works."""
_KNOWN_SECONDS: Final = 60.0

NO_BOUND: Final = ""
"""The bound while there is no horizon: no event is from before it."""


class KnownBound:
    """The bound of one process; it is read again each minute, and after `forget`. Threads may share it."""

    def __init__(self) -> None:
        self._known: tuple[str, float] | None = None

    def get(self, connection: Connection) -> str:
        """Return the bound, in the form of `domain.times.sortable`. Raises SQLAlchemy's errors."""
        bound = bound_of(connection)
        self._known = bound, time.monotonic()
        return bound

    def known(self) -> str | None:
        """Return the bound if it was read within the last minute."""
        known = self._known
        return None if known is None or time.monotonic() - known[1] > _KNOWN_SECONDS else known[0]

    def forget(self) -> None:
        """Read it again at the next look: a flush was refused."""
        self._known = None


def bound_of(connection: Connection) -> str:
    """Return the bound by the horizon that stands."""
    horizon = connection.execute(select(TABLE.c.horizon).where(TABLE.c.what == NAMES)).scalar_one_or_none()
    return NO_BOUND if horizon is None else sortable(horizon + _MORE)


def conditions(event: Event, bound: str) -> Sequence[Condition]:
    """Return the condition under which an event from before the bound is recorded: the horizon is not behind it."""
    if event.time is None or event.time >= bound:
        return ()
    return (Condition(TABLE.name, NAMES, TABLE.c.horizon.name, event.time, Relation.UNTIL_IF_ANY, _too_old),)


def _too_old(horizon: str | None) -> Refused:
    words = (
        f"before {horizon} UTC: the names of such events are not kept (LEDGER_KEEP_NAMES_DAYS), and this one is not "
        "known, so it may have been recorded before; if it was not, record it by `flowledger import --beyond-horizon`"
    )
    return Refused(Reason.TOO_OLD, "time", words)
