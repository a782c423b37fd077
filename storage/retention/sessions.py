"""Sessions that have ended go. (Tries to sign in go by themselves: `storage.people.tries`.)"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from flowledger.storage.people.sessions import SessionRepository
from flowledger.storage.retention.gone import Gone
from flowledger.storage.transactions import biting
from flowledger.storage.unit_of_work import Storage

_AT_ONCE: Final = 500


def let_go(storage: Storage, before: datetime, *, go_on: Callable[[], bool] = lambda: True) -> Gone:
    """Delete the sessions that ended before this time. `go_on` is asked after each transaction."""
    gone = Gone()
    while True:
        with biting(storage) as connection:
            sessions = SessionRepository(connection).delete_ended(before, _AT_ONCE)
        gone = gone._replace(rows=gone.rows + sessions)
        if sessions < _AT_ONCE:
            return gone
        if not go_on():
            return gone._replace(is_done=False)


def are_old(storage: Storage, before: datetime) -> bool:
    """Return whether a session ended before this time."""
    with storage.reading() as connection:
        return SessionRepository(connection).has_ended(before)
