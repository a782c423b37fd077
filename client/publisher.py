"""`Publisher` for services that block, `AsyncPublisher` for those that await."""

from __future__ import annotations

import asyncio
import math
import os
import threading
from collections.abc import Iterable, Mapping
from typing import Any, Self

from flowledger.client.drivers import AsyncDriver, Driver
from flowledger.client.plans.arguments import seconds_of
from flowledger.client.plans.publishing import Published, attributes_of, counting_backlog, publishing
from flowledger.client.plans.spooling import Spooling
from flowledger.client.plans.steps import Plan
from flowledger.client.prepared import Prepared, Publishable, prepare
from flowledger.client.spool import Spool
from flowledger.domain.envelope import Envelope
from flowledger.domain.errors import NoEvent, Refused
from flowledger.domain.settings import Settings
from flowledger.domain.traces import EVENTS, Trace, span

SpoolPath = str | os.PathLike[str]


class BasePublisher:
    """What both publishers have: settings, the spool if there is one, and the plans that they follow."""

    def __init__(self, redis_url: str | None = None, settings: Settings | None = None, **given: Any) -> None:
        if redis_url is not None:
            given["redis_url"] = redis_url
        self.settings = Settings.load(settings, **given)
        self._limits = self.settings.limits
        self._spooling: Spooling | None = None

    @property
    def spool(self) -> Spool | None:
        """The spool, to look at."""
        return None if self._spooling is None else self._spooling.spool

    @property
    def spooled(self) -> int:
        """How many events wait in the spool for Redis."""
        return 0 if self._spooling is None else self._spooling.spool.waiting

    def prepare(self, event: Publishable) -> Prepared:
        """Check an event, and fix its id and its time, so that it can be sent any number of times; raises Refused."""
        return prepare(event, shards=self.settings.shards, limits=self._limits)

    def _open(self, spool: SpoolPath | None) -> None:
        if spool is not None:
            opened = Spool(spool, self.settings.spool_max_bytes)
            self._spooling = Spooling(opened, self.prepare, self.settings.publish_timeout_seconds)

    def _publishing(self, events: Iterable[Publishable | Prepared]) -> Plan[list[Published]]:
        if isinstance(events, Envelope | Mapping | str | bytes | Prepared) or not isinstance(events, Iterable):
            raise NoEvent(f"publish_many takes several events, not one {type(events).__name__}: publish takes one")
        return self._in_a_span(events)

    def _in_a_span(self, events: Iterable[Publishable | Prepared]) -> Plan[list[Published]]:
        with span("publish", EVENTS) as made:
            prepared = (self._prepared(index, event, made.trace) for index, event in enumerate(events))
            if self._spooling is not None:
                published = yield from self._spooling.publishing(prepared)
            else:
                published = yield from publishing(prepared, self.settings.publish_timeout_seconds)
            made.set(attributes_of(published))
        return published

    def _prepared(self, index: int, event: Publishable | Prepared, trace: Trace | None) -> Prepared:
        try:
            if isinstance(event, Prepared):
                return event
            return prepare(event, shards=self.settings.shards, limits=self._limits, trace=trace)
        except (NoEvent, Refused) as error:
            error.index = index
            raise

    def _flushing(self, spooling: Spooling, timeout_seconds: float | None) -> Plan[int]:
        patience = self.settings.publish_timeout_seconds
        seconds = math.inf if timeout_seconds is None else seconds_of("timeout_seconds", timeout_seconds)
        return spooling.flushing(min(patience, seconds), None if seconds == math.inf else seconds)

    def _counting_backlog(self) -> Plan[int]:
        return counting_backlog(self.settings.shards, self.settings.publish_timeout_seconds)


class Publisher(BasePublisher):
    """Publishes events to Redis; use it in a `with`, or close it. Safe to share between threads.

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
        """`redis_url` and `given`, fields of `domain.settings.Settings`, win over `settings`, else the environment.

        `spool` is a file of this publisher's own, which keeps events while Redis is unreachable or full; what an
        earlier publisher left in it is sent first.

        Raises SettingsError if there is no URL, or a setting cannot be used; SpoolError if the spool cannot.
        """
        super().__init__(redis_url, settings, **given)
        self._driver = Driver(self.settings)
        self._background: threading.Thread | None = None
        self._background_lock = threading.Lock()
        self._open(spool)
        self._start_background()

    def publish(self, event: Publishable | Prepared) -> Published:
        """Publish one event; return when Redis has it, or the spool (`Published.spooled`).

        Raises NoEvent for what is none, Refused if the event breaks the contract (nothing was sent), BrokerUnavailable
        or BrokerFull if it was not confirmed in time: prepare the event first to send the same one again. With a spool
        these two do not occur; SpoolFull, or another SpoolError, is raised if the event cannot be kept.
        """
        return self.publish_many((event,))[0]

    def publish_many(self, events: Iterable[Publishable | Prepared]) -> list[Published]:
        """Publish events in order, some hundred in a round trip; raises as `publish` does.

        The `accepted` of a PublishError says how many of them, from the first on, are published; some of the others may
        be. The `index` of a Refused or NoEvent says which event is at fault: those before it are published.
        """
        try:
            return self._driver.follow(self._publishing(events))
        finally:
            self._start_background()

    def backlog(self) -> int:
        """Return how many events wait in Redis to be recorded (`spooled`: before Redis); raises BrokerUnavailable."""
        return self._driver.follow(self._counting_backlog())

    def flush_spool(self, timeout_seconds: float | None = None) -> int:
        """Send what waits in the spool; return how many events still wait: 0, unless `timeout_seconds` were over.

        Without a time-out it goes on as long as Redis accepts events. Raises BrokerUnavailable or BrokerFull if Redis
        has accepted none for that time (or `publish_timeout_seconds`), SpoolError if the spool cannot be read.
        """
        if self._spooling is None:
            return 0
        return self._driver.follow(self._flushing(self._spooling, timeout_seconds))

    def close(self) -> None:
        """Send what waits in the spool, as far as can be done in a moment, and close the connections."""
        self._driver.stop()
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
        """Start a thread that sends what waits in the spool, if anything does; it ends when nothing does."""
        if self.spooled and not self._driver.is_stopped:
            with self._background_lock:
                if self._background is None:
                    self._background = threading.Thread(target=self._send_spooled, name="flowledger-spool", daemon=True)
                    self._background.start()

    def _send_spooled(self) -> None:
        assert self._spooling is not None
        while True:
            self._driver.follow(self._spooling.in_background(), until_stopped=True)
            with self._background_lock:
                # An event that is kept from now on finds no thread; one that was kept before is seen here.
                if self._driver.is_stopped or not self.spooled:
                    self._background = None
                    return


class AsyncPublisher(BasePublisher):
    """The same for asyncio; use it in an `async with`, or close it. One event loop after another may use it."""

    def __init__(
        self,
        redis_url: str | None = None,
        settings: Settings | None = None,
        *,
        spool: SpoolPath | None = None,
        **given: Any,
    ) -> None:
        """As `Publisher`; what an earlier one left in the spool is sent from `async with`, or the first call, on."""
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
        if self._background is not None and not self._background.done():
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
        """Start a task that sends what waits in the spool, if anything does; it ends when nothing does."""
        if self._spooling is not None and self.spooled and (self._background is None or self._background.done()):
            self._background = asyncio.create_task(self._driver.follow(self._spooling.in_background()))
