"""Reads for pages: on threads of their own, in sessions that cannot write, and with a bound on a statement's time.

Flower has one event loop for all pages and for the events of all workers; a query on it would stop them.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from flowledger.domain.settings import Settings
from flowledger.storage.engines.engine import as_unavailable, make_engine
from flowledger.storage.unit_of_work import Storage

T = TypeVar("T")

THREADS: Final = 4
"""Reads at the same time, so also connections to the database; further ones wait for a thread."""
STATEMENT_SECONDS: Final = 5.0
"""PostgreSQL ends a statement that takes longer. What pages ask takes milliseconds by an index."""
_FREE_SECONDS: Final = 5.0

_thread: Final = threading.local()


class Answer(NamedTuple):
    """What a read returned, and how many statements it sent to the database."""

    value: Any
    queries: int


class Reader:
    """Reads the database for pages. Close it at the end."""

    def __init__(self, settings: Settings) -> None:
        self.storage = Storage(read_only_engine(settings))
        self._threads = ThreadPoolExecutor(THREADS, "ledger-page")

    async def ask(self, question: Callable[[Connection], Any]) -> Answer:
        """Answer a question that is asked of a connection, on another thread.

        Raises DatabaseUnavailable if the database does not answer, or took longer than STATEMENT_SECONDS.
        """

        def asked() -> Any:
            with self.storage.looking() as connection:
                return question(connection)

        return await self.work(asked)

    async def work(self, task: Callable[[], Any]) -> Answer:
        """Do something else that takes time on such a thread; its statements through `storage` are counted, too.

        Raises DatabaseUnavailable as `ask` does.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, _counted, task)

    def close(self) -> None:
        """End the threads and close the connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.storage.close()


def read_only_engine(settings: Settings) -> Engine:
    """Return an engine whose sessions cannot write, whatever their role may do. Raises SettingsError."""
    engine = make_engine(
        settings.model_copy(
            update={"pool_size": THREADS, "pool_max_overflow": THREADS, "pool_timeout_seconds": _FREE_SECONDS}
        )
    )
    set_up = _set_up_postgresql if engine.dialect.name == "postgresql" else _set_up_sqlite
    event.listen(engine, "connect", set_up)  # after the engine's own, which sets the session's other settings
    event.listen(engine, "before_cursor_execute", _count)
    return engine


def _set_up_postgresql(driver: Any, _record: object) -> None:
    driver.autocommit = True
    with driver.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('default_transaction_read_only', 'on', false),"
            " set_config('statement_timeout', %s, false)",
            (f"{STATEMENT_SECONDS * 1000:.0f}",),
        )
    driver.autocommit = False


def _set_up_sqlite(driver: Any, _record: object) -> None:
    driver.execute("PRAGMA query_only = ON")


def _count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
    if statement != "BEGIN":  # SQLite's transactions begin by a statement of ours
        _thread.queries = getattr(_thread, "queries", 0) + 1


def _counted(task: Callable[[], Any]) -> Answer:
    _thread.queries = 0
    try:
        return Answer(task(), _thread.queries)
    except (DBAPIError, PoolTimeout) as error:
        raise as_unavailable(error) from error
