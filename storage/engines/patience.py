"""How long a process waits for a reply of PostgreSQL.

A peer that vanished (a half-open connection, a proxy that lost its state) never replies, and libpq waits for it without
limit. After a timeout the work is retried, which is safe, since each write may be done any number of times.
"""

from __future__ import annotations

import select
from typing import Any

import psycopg2
from psycopg2 import extensions


class AnswerTimeout(psycopg2.OperationalError):  # type: ignore[misc]
    """PostgreSQL did not reply in time: it is busy, waits for a lock, or is gone."""


def wait_at_most(seconds: float, to_connect: float) -> None:
    """Set the limit for this process: from now on, a reply that takes longer than `seconds` raises AnswerTimeout.

    `to_connect` is the limit while a connection is made: psycopg2 then ignores `connect_timeout`.
    """

    def wait(connection: Any) -> None:
        while True:
            state = connection.poll()
            if state == extensions.POLL_OK:
                return
            patience = to_connect if connection.status == extensions.STATUS_SETUP else seconds
            watched = [connection.fileno()]
            reads = watched if state == extensions.POLL_READ else []
            writes = watched if state == extensions.POLL_WRITE else []
            if not any(select.select(reads, writes, [], patience)):
                raise AnswerTimeout(f"PostgreSQL has not answered within {patience:g} s")

    extensions.set_wait_callback(wait)
