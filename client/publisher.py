"""`Publisher` for services that block and `AsyncPublisher` for those that await: two faces of `client.plans`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from typing import Any, Self

from flowledger.client.base_publisher import BasePublisher, SpoolPath
from flowledger.client.drivers import AsyncDriver, Driver
from flowledger.client.plans.publishing import Published
from flowledger.client.prepared import Prepared, Publishable
from flowledger.domain.settings import Settings


class Publisher(BasePublisher):
    """Publishes events to Redis; to be used in a `with`, or closed. Safe to share between threads.

    with Publisher("redis://127.0.0.1:6379/0") as publisher:
        publisher.publish(Envelope.of(TaskStarted(), source="/my/service", subject="task_0a1b2c3d4e"))
    """

    def __init__(
        self,
        redis_url: str | None = None,
        settings: Settings | None = None,
        *,
        spool: SpoolPath | None = None,
        **given: Any,
    ) -> None:
        """`redis_url`, else the environment's `REDIS_URL`; `given` are fields of `domain.settings.Settings`.

        `spool` is a file of this publisher's own, which keeps events while Redis is away or full; what an earlier
        publisher left in it is sent first.

        Raises SettingsError where there is no URL, or a setting cannot be used; SpoolError where the spool cannot.
        """
        super().__init__(redis_url, settings, **given)
        self._driver = Driver(self.settings)
        self._background: threading.Thread | None = None
        self._background_lock = threading.Lock()
        self._open(spool)
        self._start_background()

    def publish(self, event: Publishable | Prepared) -> Published:
        """Publishes one event; returns when Redis has it, or the spool (`Published.spooled`).

        Raises Refused where the event breaks the contract (nothing was sent), BrokerUnavailable or BrokerFull where it
        was not confirmed in time: prepare the event first to send the very same one again. With a spool these two do
        not occur; SpoolFull, or another SpoolError, is raised where it cannot keep the event.
        """
        return self.publish_many((event,))[0]

    def publish_many(self, events: Iterable[Publishable | Prepared]) -> list[Published]:
        """Publishes events in order, some hundred in a round trip; raises as `publish` does.

        Where it raises a PublishError, its `accepted` says how many of them, from the first on, are published; part of
        the others may be.
        """
        try:
            return self._driver.follow(self._publishing(events))
        finally:
            self._start_background()

    def backlog(self) -> int:
        """How many events wait in Redis to be recorded (`spooled` counts those before it); raises BrokerUnavailable."""
        return self._driver.follow(self._counting_backlog())

    def flush_spool(self, timeout_seconds: float | None = None) -> int:
        """Sends what waits in the spool; returns how many events still wait: 0, but where `timeout_seconds` were over.

        Without a time-out it goes on as long as Redis takes events. Raises BrokerUnavailable or BrokerFull where Redis
        has taken none for that time (or `publish_timeout_seconds`), SpoolError where the spool cannot be read.
        """
        if self._spooling is None:
            return 0
        return self._driver.follow(self._flushing(self._spooling, timeout_seconds))

    def close(self) -> None:
        """Closes the connections; sends before what waits in the spool, as far as can be done in a moment."""
        self._driver.closed.set()
        with self._background_lock:
            background = self._background
        if background is not None:
            background.join()
        if self._spooling is not None:
            self._driver.follow(self._spooling.closing())
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start_background(self) -> None:
        """Where something waits in the spool, a thread sends it; it ends when nothing does."""
        if self.spooled and not self._driver.closed.is_set():
            with self._background_lock:
                if self._background is None:
                    self._background = threading.Thread(target=self._send_spooled, name="flowledger-spool", daemon=True)
                    self._background.start()

    def _send_spooled(self) -> None:
        assert self._spooling is not None
        while True:
            self._driver.follow(self._spooling.in_background(), until_closed=True)
            with self._background_lock:
                # Who keeps an event now finds no thread, or has kept it before this looks: it is never left behind.
                if self._driver.closed.is_set() or not self.spooled:
                    self._background = None
                    return


class AsyncPublisher(BasePublisher):
    """The same for asyncio; to be used in an `async with`, or closed."""

    def __init__(
        self,
        redis_url: str | None = None,
        settings: Settings | None = None,
        *,
        spool: SpoolPath | None = None,
        **given: Any,
    ) -> None:
        """As `Publisher`; what an earlier one left in the spool is sent from `async with`, or a first call, on."""
        super().__init__(redis_url, settings, **given)
        self._driver = AsyncDriver(self.settings)
        self._background: asyncio.Task[None] | None = None
        self._open(spool)

    async def publish(self, event: Publishable | Prepared) -> Published:
        """As `Publisher.publish`."""
        return (await self.publish_many((event,)))[0]

    async def publish_many(self, events: Iterable[Publishable | Prepared]) -> list[Published]:
        """As `Publisher.publish_many`."""
        try:
            return await self._driver.follow(self._publishing(events))
        finally:
            self._start_background()

    async def backlog(self) -> int:
        """As `Publisher.backlog`."""
        self._start_background()
        return await self._driver.follow(self._counting_backlog())

    async def flush_spool(self, timeout_seconds: float | None = None) -> int:
        """As `Publisher.flush_spool`."""
        if self._spooling is None:
            return 0
        self._start_background()
        return await self._driver.follow(self._flushing(self._spooling, timeout_seconds))

    async def close(self) -> None:
        """As `Publisher.close`."""
        if self._background is not None:
            self._background.cancel()
            await asyncio.wait((self._background,))
        if self._spooling is not None:
            await self._driver.follow(self._spooling.closing())
        await self._driver.close()

    async def __aenter__(self) -> Self:
        self._start_background()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _start_background(self) -> None:
        """Where something waits in the spool, a task sends it; it ends when nothing does."""
        if self._spooling is not None and self.spooled and (self._background is None or self._background.done()):
            self._background = asyncio.create_task(self._driver.follow(self._spooling.in_background()))
