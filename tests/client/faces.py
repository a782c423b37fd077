"""One suite for both publishers: each behind the same blocking interface."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Protocol, TypeVar

from client import AsyncPublisher, Prepared, Published, Publisher
from client.publishing import Publishable

Result = TypeVar("Result")


class Face(Protocol):
    """What the tests ask of a publisher."""

    def prepare(self, event: Publishable) -> Prepared: ...

    def publish(self, event: Publishable | Prepared) -> Published: ...

    def publish_many(self, events: Iterable[Publishable | Prepared]) -> list[Published]: ...

    def backlog(self) -> int: ...

    def close(self) -> None: ...


class Awaited:
    """An AsyncPublisher with an event loop of its own, which runs for as long as a call takes."""

    def __init__(self, redis_url: str | None = None, **settings: Any) -> None:
        self._runner = asyncio.Runner()
        self._publisher = AsyncPublisher(redis_url, **settings)

    def prepare(self, event: Publishable) -> Prepared:
        return self._publisher.prepare(event)

    def publish(self, event: Publishable | Prepared) -> Published:
        return self._run(self._publisher.publish(event))

    def publish_many(self, events: Iterable[Publishable | Prepared]) -> list[Published]:
        return self._run(self._publisher.publish_many(events))

    def backlog(self) -> int:
        return self._run(self._publisher.backlog())

    def close(self) -> None:
        self._run(self._publisher.close())
        self._runner.close()

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self._runner.run(work)


MakeFace = Callable[..., Face]

FACES: dict[str, MakeFace] = {"Publisher": Publisher, "AsyncPublisher": Awaited}
