"""How long a process waits for an answer of PostgreSQL.

A peer that is gone without a word (a half-open connection, a proxy that forgot) never answers, and libpq waits for it
for ever. What takes too long is given up and done again: that is safe, for what is written may be written any number of
times.
"""

from __future__ import annotations

import select
from typing import Any

import psycopg2
from psycopg2 import extensions


class AnswerTimeout(psycopg2.OperationalError):  # type: ignore[misc]
    """PostgreSQL has not answered in time: it is busy, waits for a lock, or is gone."""


def wait_at_most(seconds: float, to_connect: float) -> None:
    """From now on, in this process, an answer that does not come within `seconds` is an AnswerTimeout.

    `to_connect` is for the answers while a connection is made: psycopg2 minds `connect_timeout` no more.
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
