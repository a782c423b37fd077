"""Sessions that have ended go, and tries to sign in that are over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from flowledger.storage.people.sessions import SessionRepository
from flowledger.storage.people.tries import TryRepository
from flowledger.storage.retention.gone import Gone
from flowledger.storage.transactions import biting
from flowledger.storage.unit_of_work import Storage

_AT_ONCE: Final = 500


def let_go(storage: Storage, before: datetime, now: datetime, *, go_on: Callable[[], bool] = lambda: True) -> Gone:
    """Delete the sessions that ended before this time, and the tries that have expired by now.

    `go_on` is asked after each transaction.
    """
    gone = Gone()
    while True:
        with biting(storage) as connection:
            sessions = SessionRepository(connection).delete_ended(before, _AT_ONCE)
            tries = TryRepository(connection).delete_expired(now, _AT_ONCE)
        gone = gone._replace(rows=gone.rows + sessions + tries)
        if max(sessions, tries) < _AT_ONCE:
            return gone
        if not go_on():
            return gone._replace(is_done=False)
