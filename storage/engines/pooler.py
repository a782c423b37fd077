"""Whether a pooler before PostgreSQL shares connections by transaction or statement, so that no session lasts."""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from typing import Any, Final

import psycopg2
from psycopg2 import extensions

_PATIENCE_SECONDS: Final = 3.0
_PID: Final = "SELECT pg_backend_pid()"


class _Busy(Exception):
    """The pooler had no server for a client within a few seconds."""


def shares_by_transaction(driver: Any, pid: int, connect: Callable[..., Any]) -> bool:
    """Return whether `driver` (in autocommit), last seen on the server process `pid`, may be moved to another.

    A second client takes turns with it, and asks while a transaction keeps one server busy. If connections are shared
    by session, each client keeps its server, and neither waits for the other. If the pooler has no server for a second
    client at all, the answer is False: the reason may be a session that keeps its server.
    """
    second = connect(async_=1)
    try:
        try:
            _wait(second)
            other = _ask(second, _PID)
        except _Busy:
            return False
        with driver.cursor() as cursor:
            try:
                cursor.execute("BEGIN")
            except psycopg2.Error:  # shared by statement: there are no transactions at all
                return True
            try:
                while_it_runs = _first(cursor, _PID)
                try:
                    other_then = _ask(second, _PID)
                except _Busy:  # it had a server just now
                    return True
            finally:
                cursor.execute("ROLLBACK")
            return len({pid, while_it_runs, _first(cursor, _PID)}) > 1 or other != other_then or other == pid
    finally:
        second.close()


def _first(cursor: Any, sql: str) -> int:
    cursor.execute(sql)
    (pid,) = cursor.fetchone()
    return int(pid)


def _ask(connection: Any, sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        _wait(connection)
        (pid,) = cursor.fetchone()
        return int(pid)


def _wait(connection: Any) -> None:
    """Wait for an asynchronous connection. Raises `_Busy` if it takes too long."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (state := connection.poll()) != extensions.POLL_OK:
        left = deadline - time.monotonic()
        watched = [connection.fileno()]
        reads, writes = (watched, []) if state == extensions.POLL_READ else ([], watched)
        if left <= 0 or not any(select.select(reads, writes, [], left)):
            raise _Busy
