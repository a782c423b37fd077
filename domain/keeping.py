"""How long the ledger keeps what (docs/contract/retention.md)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

KEPT: Final = (
    "texts", "rows", "unfinished", "names", "logs", "metrics", "audit", "drains", "dead_letters", "sessions"
)  # fmt: skip
"""What has days of its own, in the order of `Keeping`."""
NEVER_HELD: Final = frozenset({"drains", "dead_letters", "sessions"})
"""What goes by age whatever is held."""


class Keeping(NamedTuple):
    """For how many days each is kept; None: for ever."""

    texts: float | None = None
    """The texts of events, from when they were recorded."""
    rows: float | None = None
    """Executions, tasks and messages that have ended, with what belongs to them, from their last event or their end."""
    unfinished: float | None = None
    """Those that have not ended, from their last event."""
    names: float | None = None
    """The names of events whose texts and rows are gone, from their `time`, and from when they were recorded."""
    logs: float | None = None
    metrics: float | None = None
    audit: float | None = None
    """Log lines, points of metrics, audit lines, from when they were recorded."""
    drains: float | None = None
    dead_letters: float | None = None
    """Dead letters that are replayed or discarded, from the last action on them."""
    sessions: float | None = None
    """Sessions that have ended, from their end."""

    @property
    def is_for_ever(self) -> bool:
        """Whether nothing ever goes."""
        return not any(self)

    def horizon(self, what: str, now: datetime) -> datetime | None:
        """Return the time before which `what` may go, one of `KEPT`; None if it is kept for ever."""
        days: float | None = getattr(self, what)
        return None if days is None else now - timedelta(days=days)
