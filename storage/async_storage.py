"""The database for services that use asyncio: the same repositories, read from an event loop.

    async with AsyncStorage.open() as storage, storage.reading() as read:
        page = await read.run(lambda connection: ExecutionRepository(connection).newest(workflow_id="wf_1"))

There is one set of repositories. SQLAlchemy runs their code beside the event loop and awaits the driver for each
statement (greenlets), so nothing blocks the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Self, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from flowledger.storage.engines.async_engine import make_async_engine
from flowledger.storage.engines.engine import as_unavailable, settings_of

Result = TypeVar("Result")


class AsyncReading:
    """A connection for reads. Several asyncio tasks may share it: their reads are done one after the other."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._turn = asyncio.Lock()

    async def run(self, read: Callable[[Connection], Result]) -> Result:
        """Return the result of `read`, which is called with a connection for repositories.

        Raises DatabaseUnavailable if the database is unavailable, and whatever `read` raises.
        """
        async with self._turn:
            try:
                return await self._connection.run_sync(read)
            except (DBAPIError, OSError) as error:  # asyncpg's timeout of a statement is an OSError
                raise as_unavailable(error) from error


class AsyncStorage:
    """The database for one event loop: a pool of connections to read."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    @classmethod
    def open(cls, url: str | None = None) -> Self:
        """Return the database of this URL, or of `DATABASE_URL`; the other settings are the environment's.

        Raises SettingsError. Close it at the end, or use it in an `async with` statement.
        """
        return cls(make_async_engine(settings_of(url)))

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncReading]:
        """Yield a connection for reads, in one transaction. Raises DatabaseUnavailable as `Storage.reading` does."""
        try:
            async with self.engine.connect() as connection:
                yield AsyncReading(connection)
        except (DBAPIError, PoolTimeout) as error:
            raise as_unavailable(error) from error

    async def close(self) -> None:
        """Close the pool's connections; those in use are closed once they are returned."""
        await self.engine.dispose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
