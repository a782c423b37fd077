"""`Publisher` for services that block and `AsyncPublisher` for those that await: two faces of `client.publishing`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any, Self

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

from client.publishing import Add, Prepared, Publishable, Published, Publishing, Wait, prepare, publishing
from domain import streams
from domain.errors import SettingsError
from domain.settings import Settings


def _arguments(settings: Settings, retry: object) -> dict[str, Any]:
    """How both faces connect. redis-py does not retry by itself: `publishing` does, within a bound."""
    timeout = settings.publish_timeout_seconds
    return {"protocol": 2, "socket_timeout": timeout, "socket_connect_timeout": timeout, "retry": retry}


def _url(settings: Settings) -> str:
    if settings.redis_url is None:
        raise SettingsError("no broker: give Publisher a URL, or set REDIS_URL")
    return settings.redis_url.get_secret_value()


class _Face:
    """What both faces share: settings, and the way from an event to what travels."""

    def __init__(self, redis_url: str | None = None, settings: Settings | None = None, **given: Any) -> None:
        """`redis_url`, else the environment's `REDIS_URL`; `given` are fields of `domain.settings.Settings`.

        Raises SettingsError where there is no URL, or a setting cannot be used.
        """
        if redis_url is not None:
            given["redis_url"] = redis_url
        self.settings = settings or Settings.load(**given)

    def prepare(self, event: Publishable) -> Prepared:
        """Checks an event and fixes its id, once, so that it can be sent again and again; raises Refused."""
        return prepare(event, shards=self.settings.shards, max_bytes=self.settings.max_event_bytes)

    def _publishing(self, events: Iterable[Publishable | Prepared]) -> Publishing:
        prepared = (event if isinstance(event, Prepared) else self.prepare(event) for event in events)
        return publishing(prepared, self.settings.publish_timeout_seconds)


class Publisher(_Face):
    """Publishes events to Redis; to be used in a `with`, or closed. Safe to share between threads.

    with Publisher("redis://127.0.0.1:6379/0") as publisher:
        publisher.publish(Envelope.of(TaskStarted(), source="/my/service", subject="task_0a1b2c3d4e"))
    """

    def __init__(self, redis_url: str | None = None, settings: Settings | None = None, **given: Any) -> None:
        super().__init__(redis_url, settings, **given)
        self._client = redis.Redis.from_url(_url(self.settings), **_arguments(self.settings, Retry(NoBackoff(), 0)))

    def publish(self, event: Publishable | Prepared) -> Published:
        """Publishes one event; returns when Redis has it.

        Raises Refused where the event breaks the contract (nothing was sent), BrokerUnavailable or BrokerFull where it
        was not confirmed in time: prepare the event first to send the very same one again.
        """
        return self.publish_many((event,))[0]

    def publish_many(self, events: Iterable[Publishable | Prepared]) -> list[Published]:
        """Publishes events in order, some hundred in a round trip; raises as `publish` does.

        Where it raises, the round trips before are published, and part of the last one may be.
        """
        plan = self._publishing(events)
        answer: Any = None
        while True:
            try:
                step = plan.send(answer)
            except StopIteration as done:
                result: list[Published] = done.value
                return result
            answer = self._do(step)

    def backlog(self) -> int:
        """How many events wait in Redis to be recorded."""
        with self._client.pipeline(transaction=False) as pipeline:
            for shard in range(self.settings.shards):
                pipeline.xlen(streams.stream(shard))
            return sum(pipeline.execute())

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _do(self, step: Add | Wait) -> Any:
        if isinstance(step, Wait):
            time.sleep(step.seconds)
            return None
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                for event in step.events:
                    pipeline.execute_command(*event.command)
                return pipeline.execute(raise_on_error=False)
        except (redis.RedisError, OSError) as error:
            return [error]


class AsyncPublisher(_Face):
    """The same for asyncio; to be used in an `async with`, or closed."""

    def __init__(self, redis_url: str | None = None, settings: Settings | None = None, **given: Any) -> None:
        super().__init__(redis_url, settings, **given)
        retry = redis.asyncio.retry.Retry(NoBackoff(), 0)
        self._client = redis.asyncio.Redis.from_url(_url(self.settings), **_arguments(self.settings, retry))

    async def publish(self, event: Publishable | Prepared) -> Published:
        """As `Publisher.publish`."""
        return (await self.publish_many((event,)))[0]

    async def publish_many(self, events: Iterable[Publishable | Prepared]) -> list[Published]:
        """As `Publisher.publish_many`."""
        plan = self._publishing(events)
        answer: Any = None
        while True:
            try:
                step = plan.send(answer)
            except StopIteration as done:
                result: list[Published] = done.value
                return result
            answer = await self._do(step)

    async def backlog(self) -> int:
        """As `Publisher.backlog`."""
        async with self._client.pipeline(transaction=False) as pipeline:
            for shard in range(self.settings.shards):
                pipeline.xlen(streams.stream(shard))
            return sum(await pipeline.execute())

    async def close(self) -> None:
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _do(self, step: Add | Wait) -> Any:
        if isinstance(step, Wait):
            await asyncio.sleep(step.seconds)
            return None
        try:
            async with self._client.pipeline(transaction=False) as pipeline:
                for event in step.events:
                    pipeline.execute_command(*event.command)
                return await pipeline.execute(raise_on_error=False)
        except (redis.RedisError, OSError) as error:
            return [error]
