"""Doing what plans say (`client.plans`): `Driver` blocks, `AsyncDriver` awaits. Only here Redis is reached."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from typing import Any, Final

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

from flowledger.client.plans.redis_errors import is_denied, is_elsewhere, passes
from flowledger.client.plans.steps import Command, Do, Listen, Plan, Result, Say, Step, Wait
from flowledger.domain.broker_address import BrokerAddress
from flowledger.domain.errors import LedgerError
from flowledger.domain.settings import Settings

_LOOK_SECONDS: Final = 0.05
"""How often one who listens looks whether it should end."""


class Driver:
    """Follows plans, in the thread that asks; many may at once. `closed` ends those that are to end with their face."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError if the settings name no Redis, or one that cannot be used."""
        self._client: redis.Redis = _connect(redis.Redis, Retry(NoBackoff(), 0), settings)
        self._timeout = settings.publish_timeout_seconds
        self.closed = threading.Event()

    def follow(self, plan: Plan[Result], *, until_closed: bool = False) -> Result:
        """Does what `plan` says; its result. Where it waits, it hears at once that the face is closed, if it should."""
        with closing(plan):
            answer: Any = None
            while True:
                try:
                    step = plan.send(answer)
                except StopIteration as done:
                    result: Result = done.value
                    return result
                answer = self._do(step, until_closed)

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def _do(self, step: Step, until_closed: bool) -> Any:
        match step:
            case Say(commands):
                return self._say(commands)
            case Listen(command, seconds):
                return self._listen(command, seconds)
            case Wait(seconds):
                return self.closed.wait(seconds) if until_closed else time.sleep(seconds)
            case Do(work):
                try:
                    return work()
                except LedgerError as error:
                    return error

    def _say(self, commands: Sequence[Command]) -> list[Any]:
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                for command in commands:
                    pipeline.execute_command(*command)
                answers = pipeline.execute(raise_on_error=False)
        except (redis.RedisError, OSError) as error:
            answers = [error]
        if any(map(is_elsewhere, answers)):
            self._client.connection_pool.disconnect(inuse_connections=False)
        return _placed(answers, self._client)

    def _listen(self, command: Command, seconds: float) -> Any:
        pool = self._client.connection_pool
        try:
            connection = pool.get_connection()
        except (redis.RedisError, OSError) as error:
            return error
        answered = False
        try:
            connection.send_command(*command)
            end = time.monotonic() + seconds + self._timeout
            while not connection.can_read(_LOOK_SECONDS):
                if self.closed.is_set():
                    return None
                if time.monotonic() > end:
                    raise redis.TimeoutError("no answer")
            reply = connection.read_response()
            answered = True
            return reply
        except (redis.RedisError, OSError) as error:
            answered = not passes(error)
            return _placed([error], self._client)[0]
        finally:
            if not answered:  # what may still come must not be the answer to another question
                connection.disconnect()
            pool.release(connection)


class AsyncDriver:
    """The same for asyncio."""

    def __init__(self, settings: Settings) -> None:
        """As `Driver`."""
        self._client = _connect(redis.asyncio.Redis, redis.asyncio.retry.Retry(NoBackoff(), 0), settings)
        self.closed = asyncio.Event()

    async def follow(self, plan: Plan[Result], *, until_closed: bool = False) -> Result:
        """As `Driver.follow`."""
        task = asyncio.current_task()
        assert task is not None
        cancelled = task.cancelling()
        with closing(plan):
            answer: Any = None
            while True:
                try:
                    step = plan.send(answer)
                except StopIteration as done:
                    result: Result = done.value
                    return result
                answer = await self._do(step, until_closed)
                # On Python 3.11 `wait_for`, which the library sends with, may swallow that its task is cancelled.
                if task.cancelling() > cancelled:
                    raise asyncio.CancelledError

    async def close(self) -> None:
        """As `Driver.close`."""
        await self._client.aclose()

    async def _do(self, step: Step, until_closed: bool) -> Any:
        match step:
            case Say(commands):
                return await self._say(commands)
            case Listen(command, _):
                return await self._listen(command)
            case Wait(seconds):
                return await (self._is_closed_within(seconds) if until_closed else asyncio.sleep(seconds))
            case Do(work):
                try:
                    return await asyncio.to_thread(work)
                except LedgerError as error:
                    return error

    async def _is_closed_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.closed.wait()
        return self.closed.is_set()

    async def _say(self, commands: Sequence[Command]) -> list[Any]:
        try:
            async with self._client.pipeline(transaction=False) as pipeline:
                for command in commands:
                    pipeline.execute_command(*command)
                answers: list[Any] = await pipeline.execute(raise_on_error=False)
        except (redis.RedisError, OSError) as error:
            answers = [error]
        await self._leave_old_server(answers)
        return _placed(answers, self._client)

    async def _leave_old_server(self, answers: list[Any]) -> None:
        if any(map(is_elsewhere, answers)):
            await self._client.connection_pool.disconnect(inuse_connections=False)

    async def _listen(self, command: Command) -> Any:
        """The library takes a connection out of its pool, and gives one up whose answer was not waited for."""
        asked = asyncio.ensure_future(self._client.execute_command(*command))
        closed = asyncio.ensure_future(self.closed.wait())
        try:
            await asyncio.wait((asked, closed), return_when=asyncio.FIRST_COMPLETED)
            return await asked if asked.done() else None
        except (redis.RedisError, OSError) as error:
            await self._leave_old_server([error])
            return _placed([error], self._client)[0]
        finally:
            asked.cancel()
            closed.cancel()
            await asyncio.wait((asked, closed))
            if not asked.cancelled():
                asked.exception()  # seen: what came too late is asked for again


def _placed(answers: list[Any], client: Any) -> list[Any]:
    """The answers; those that deny access say who was denied where: a person has to mend it there."""
    for answer in answers:
        if is_denied(answer):
            options = client.connection_pool.connection_kwargs
            place = options.get("path") or f"{options.get('host')}:{options.get('port')}"
            answer.add_note(f"{options.get('username') or 'default'} at {place}")
    return answers


def _connect(kind: Any, retry: object, settings: Settings) -> Any:
    """A client that does not try again by itself: the plans do, within a bound. Replies are as Redis gives them."""
    timeout = settings.publish_timeout_seconds
    options = BrokerAddress.of(settings).client_options()
    client = kind(**options, protocol=2, socket_timeout=timeout, socket_connect_timeout=timeout, retry=retry)
    client.response_callbacks.clear()
    return client
