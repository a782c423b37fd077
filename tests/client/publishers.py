"""One suite for both publishers: each behind the same blocking interface."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

from flowledger.client import AsyncPublisher, Prepared, Published, Publisher
from flowledger.client.prepared import Publishable

Result = TypeVar("Result")


class AnyPublisher(Protocol):
    """What the tests ask of a publisher."""

    def prepare(self, event: Publishable) -> Prepared: ...

    def publish(self, event: Publishable | Prepared) -> Published: ...

    def publish_many(self, events: Iterable[Publishable | Prepared]) -> list[Published]: ...

    def backlog(self) -> int: ...

    def flush_spool(self, timeout_seconds: float | None = None) -> int: ...

    @property
    def spooled(self) -> int: ...

    def close(self) -> None: ...


class Loop:
    """An event loop that runs in a thread of its own until it is ended."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    @property
    def has_ended(self) -> bool:
        return self._loop.is_closed()

    def start(self, work: Coroutine[Any, Any, Result]) -> Future[Result]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.start(work).result()

    def end(self) -> None:
        self.run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Awaited:
    """An AsyncPublisher with an event loop of its own."""

    def __init__(self, redis_url: str | None = None, **settings: Any) -> None:
        self._publisher = AsyncPublisher(redis_url, **settings)
        self._loop = Loop()

    def prepare(self, event: Publishable) -> Prepared:
        return self._publisher.prepare(event)

    def publish(self, event: Publishable | Prepared) -> Published:
        return self._loop.run(self._publisher.publish(event))

    def publish_many(self, events: Iterable[Publishable | Prepared]) -> list[Published]:
        return self._loop.run(self._publisher.publish_many(events))

    def backlog(self) -> int:
        return self._loop.run(self._publisher.backlog())

    def flush_spool(self, timeout_seconds: float | None = None) -> int:
        return self._loop.run(self._publisher.flush_spool(timeout_seconds))

    @property
    def spooled(self) -> int:
        return self._publisher.spooled

    def close(self) -> None:
        if not self._loop.has_ended:
            self._loop.run(self._publisher.close())
            self._loop.end()


MakePublisher = Callable[..., AnyPublisher]

PUBLISHERS: dict[str, MakePublisher] = {"Publisher": Publisher, "AsyncPublisher": Awaited}
