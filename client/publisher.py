"""`Publisher` for services that block and `AsyncPublisher` for those that await: two faces of `client.publishing`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any, Self, TypeVar

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

from client.publishing import Plan, Prepared, Publishable, Published, Say, Wait, counting_backlog, prepare, publishing
from domain.errors import SettingsError
from domain.settings import Settings

Result = TypeVar("Result")


class _Face:
    """What both faces share: settings, and the plans that they follow."""

    def __init__(self, redis_url: str | None = None, settings: Settings | None = None, **given: Any) -> None:
        """`redis_url`, else the environment's `REDIS_URL`; `given` are fields of `domain.settings.Settings`.

        Raises SettingsError where there is no URL, or a setting cannot be used.
        """
        if redis_url is not None:
            given["redis_url"] = redis_url
        self.settings = settings or Settings.load(**given)
        self._limits = self.settings.limits

    def prepare(self, event: Publishable) -> Prepared:
        """Checks an event and fixes its id, once, so that it can be sent again and again; raises Refused."""
        return prepare(event, shards=self.settings.shards, limits=self._limits)

    def _connect(self, kind: Any, retry: object) -> Any:
        """A client that does not try again by itself: the plans do, within a bound."""
        if self.settings.redis_url is None:
            raise SettingsError("no broker: give Publisher a URL, or set REDIS_URL")
        timeout = self.settings.publish_timeout_seconds
        try:
            return kind.from_url(
                self.settings.redis_url.get_secret_value(),
                protocol=2,
                socket_timeout=timeout,
                socket_connect_timeout=timeout,
                retry=retry,
            )
        except ValueError:
            raise SettingsError("the broker's URL is not one like redis://host:6379/0") from None

    def _publishing(self, events: Iterable[Publishable | Prepared]) -> Plan[list[Published]]:
        prepared = (event if isinstance(event, Prepared) else self.prepare(event) for event in events)
        return publishing(prepared, self.settings.publish_timeout_seconds)

    def _counting_backlog(self) -> Plan[int]:
        return counting_backlog(self.settings.shards, self.settings.publish_timeout_seconds)


class Publisher(_Face):
    """Publishes events to Redis; to be used in a `with`, or closed. Safe to share between threads.

    with Publisher("redis://127.0.0.1:6379/0") as publisher:
        publisher.publish(Envelope.of(TaskStarted(), source="/my/service", subject="task_0a1b2c3d4e"))
    """

    def __init__(self, redis_url: str | None = None, settings: Settings | None = None, **given: Any) -> None:
        super().__init__(redis_url, settings, **given)
        self._client: redis.Redis = self._connect(redis.Redis, Retry(NoBackoff(), 0))

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
        return self._follow(self._publishing(events))

    def backlog(self) -> int:
        """How many events wait in Redis to be recorded; raises BrokerUnavailable."""
        return self._follow(self._counting_backlog())

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _follow(self, plan: Plan[Result]) -> Result:
        answer: Any = None
        while True:
            try:
                step = plan.send(answer)
            except StopIteration as done:
                result: Result = done.value
                return result
            answer = self._do(step)

    def _do(self, step: Say | Wait) -> list[Any] | None:
        if isinstance(step, Wait):
            time.sleep(step.seconds)
            return None
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                for command in step.commands:
                    pipeline.execute_command(*command)
                return pipeline.execute(raise_on_error=False)
        except (redis.RedisError, OSError) as error:
            return [error]


class AsyncPublisher(_Face):
    """The same for asyncio; to be used in an `async with`, or closed."""

    def __init__(self, redis_url: str | None = None, settings: Settings | None = None, **given: Any) -> None:
        super().__init__(redis_url, settings, **given)
        self._client = self._connect(redis.asyncio.Redis, redis.asyncio.retry.Retry(NoBackoff(), 0))

    async def publish(self, event: Publishable | Prepared) -> Published:
        """As `Publisher.publish`."""
        return (await self.publish_many((event,)))[0]

    async def publish_many(self, events: Iterable[Publishable | Prepared]) -> list[Published]:
        """As `Publisher.publish_many`."""
        return await self._follow(self._publishing(events))

    async def backlog(self) -> int:
        """As `Publisher.backlog`."""
        return await self._follow(self._counting_backlog())

    async def close(self) -> None:
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _follow(self, plan: Plan[Result]) -> Result:
        answer: Any = None
        while True:
            try:
                step = plan.send(answer)
            except StopIteration as done:
                result: Result = done.value
                return result
            answer = await self._do(step)

    async def _do(self, step: Say | Wait) -> list[Any] | None:
        if isinstance(step, Wait):
            await asyncio.sleep(step.seconds)
            return None
        try:
            async with self._client.pipeline(transaction=False) as pipeline:
                for command in step.commands:
                    pipeline.execute_command(*command)
                replies: list[Any] = await pipeline.execute(raise_on_error=False)
                return replies
        except (redis.RedisError, OSError) as error:
            return [error]
