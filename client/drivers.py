"""Drivers take the steps of plans (`client.plans`): `Driver` blocks, `AsyncDriver` awaits. Only they reach Redis."""

from __future__ import annotations

import asyncio
import time
from asyncio import AbstractEventLoop
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent import futures
from contextlib import closing, suppress
from typing import Any, Final

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

from flowledger.client.plans.redis_errors import is_elsewhere, is_passing, with_address
from flowledger.client.plans.steps import Command, Execute, Plan, Read, Result, Run, Signal, Sleep, Step, WaitFor
from flowledger.domain.broker_address import BrokerAddress
from flowledger.domain.errors import LedgerError
from flowledger.domain.settings import Settings

_LOOK_SECONDS: Final = 0.05
"""How often a thread that waits for a reply looks whether the driver was stopped."""


class Driver:
    """Follows plans, in the thread that calls; in any number of threads at once."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError if the settings name no Redis, or one that cannot be used."""
        self._address = BrokerAddress.of(settings)
        self._client: redis.Redis = _connect(redis.Redis, Retry(NoBackoff(), 0), self._address, settings)
        self._timeout = settings.publish_timeout_seconds
        self._stopped = Signal()

    @property
    def is_stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped.done()

    def stop(self) -> None:
        """Wake the plans that are followed `until_stopped`, so that they end."""
        self._stopped.set()

    def follow(self, plan: Plan[Result], *, until_stopped: bool = False) -> Result:
        """Take the steps of `plan`, and return its result. Steps that wait end at a stop, if the plan should."""
        with closing(plan):
            answer: Any = None
            while True:
                try:
                    step = plan.send(answer)
                except StopIteration as done:
                    result: Result = done.value
                    return result
                answer = self._take(step, until_stopped)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _take(self, step: Step, until_stopped: bool) -> Any:
        match step:
            case Execute(commands):
                return self._execute(commands)
            case Read(command, seconds):
                return self._read(command, seconds)
            case Sleep(seconds):
                return self._sleep(seconds, until_stopped)
            case WaitFor(signal, seconds):
                signals = (signal, self._stopped) if until_stopped else (signal,)
                futures.wait(signals, seconds, futures.FIRST_COMPLETED)
                return None
            case Run(work):
                try:
                    return work()
                except LedgerError as error:
                    return error

    def _sleep(self, seconds: float, until_stopped: bool) -> bool:
        if not until_stopped:
            time.sleep(seconds)
        elif not self.is_stopped:
            futures.wait((self._stopped,), seconds)
        return until_stopped and self.is_stopped

    def _execute(self, commands: Sequence[Command]) -> list[Any]:
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                for command in commands:
                    pipeline.execute_command(*command)
                answers = pipeline.execute(raise_on_error=False)
        except (redis.RedisError, OSError) as error:
            answers = [error]
        if any(map(is_elsewhere, answers)):
            self._client.connection_pool.disconnect(inuse_connections=False)
        return _with_address(answers, self._address)

    def _read(self, command: Command, seconds: float) -> Any:
        pool = self._client.connection_pool
        try:
            connection = pool.get_connection()
        except (redis.RedisError, OSError) as error:
            return with_address(error, self._address)
        answered = False
        try:
            connection.send_command(*command)
            end = time.monotonic() + seconds + self._timeout
            while not connection.can_read(_LOOK_SECONDS):
                if self.is_stopped:
                    return None
                if time.monotonic() > end:
                    raise redis.TimeoutError("no answer")
            reply = connection.read_response()
            answered = True
            return reply
        except (redis.RedisError, OSError) as error:
            answered = not is_passing(error)
            return with_address(error, self._address)
        finally:
            if not answered:  # a reply that comes later must not be read as the reply to another command
                connection.disconnect()
            pool.release(connection)


class AsyncDriver:
    """The same for asyncio: in any number of tasks, and in one event loop after another."""

    def __init__(self, settings: Settings) -> None:
        """As `Driver`."""
        self._address = BrokerAddress.of(settings)
        self._settings = settings
        self._in_loops: dict[AbstractEventLoop, _InLoop] = {}
        self.is_stopped = False

    def stop(self) -> None:
        """As `Driver.stop`, for the plans of all event loops."""
        self.is_stopped = True
        for in_loop in list(self._in_loops.values()):
            in_loop.stop()

    async def follow(self, plan: Plan[Result], *, until_stopped: bool = False) -> Result:
        """As `Driver.follow`."""
        task = asyncio.current_task()
        assert task is not None
        cancelled = task.cancelling()
        with closing(plan):
            here = await self._here()
            answer: Any = None
            while True:
                try:
                    step = plan.send(answer)
                except StopIteration as done:
                    result: Result = done.value
                    return result
                answer = await self._take(step, here, until_stopped)
                # On Python 3.11 `wait_for`, which the library sends with, may swallow that its task is cancelled.
                if task.cancelling() > cancelled:
                    raise asyncio.CancelledError

    async def close(self) -> None:
        """Close the connections of this event loop; those of another were closed with it."""
        await (await self._here()).close()

    async def _here(self) -> _InLoop:
        loop = asyncio.get_running_loop()
        if loop not in self._in_loops:
            for other in [one for one in self._in_loops if one.is_closed()]:
                self._in_loops.pop(other, None)
            client = _connect(
                redis.asyncio.Redis, redis.asyncio.retry.Retry(NoBackoff(), 0), self._address, self._settings
            )
            self._in_loops[loop] = here = _InLoop(loop, client, lambda: self._in_loops.pop(loop, None))
            if self.is_stopped:
                here.stop()
            await here.open()
        return self._in_loops[loop]

    async def _take(self, step: Step, here: _InLoop, until_stopped: bool) -> Any:
        match step:
            case Execute(commands):
                return await self._execute(commands, here.client)
            case Read(command, _):
                return await self._read(command, here)
            case Sleep(seconds):
                return await (here.is_stopped_within(seconds) if until_stopped else asyncio.sleep(seconds))
            case WaitFor(signal, seconds):
                return await here.wait_for(signal, seconds, until_stopped)
            case Run(work):
                try:
                    return await asyncio.to_thread(work)
                except LedgerError as error:
                    return error

    async def _execute(self, commands: Sequence[Command], client: redis.asyncio.Redis) -> list[Any]:
        try:
            async with client.pipeline(transaction=False) as pipeline:
                for command in commands:
                    pipeline.execute_command(*command)
                answers: list[Any] = await pipeline.execute(raise_on_error=False)
        except (redis.RedisError, OSError) as error:
            answers = [error]
        await self._leave_old_server(answers, client)
        return _with_address(answers, self._address)

    async def _leave_old_server(self, answers: list[Any], client: redis.asyncio.Redis) -> None:
        if any(map(is_elsewhere, answers)):
            await client.connection_pool.disconnect(inuse_connections=False)

    async def _read(self, command: Command, here: _InLoop) -> Any:
        """The library takes a connection out of its pool, and drops it if the reply was not waited for."""
        asked = asyncio.ensure_future(here.client.execute_command(*command))
        try:
            await here.first_of(asked, until_stopped=True)
            return await asked if asked.done() else None
        except (redis.RedisError, OSError) as error:
            await self._leave_old_server([error], here.client)
            return with_address(error, self._address)
        finally:
            asked.cancel()
            await asyncio.wait((asked,))
            if not asked.cancelled():
                asked.exception()  # seen: what came too late is read again


class _InLoop:
    """What belongs to one event loop: the connections, and the event that wakes those who wait."""

    def __init__(self, loop: AbstractEventLoop, client: redis.asyncio.Redis, forget: Callable[[], object]) -> None:
        self.client = client
        self._loop = loop
        self._stopped = asyncio.Event()
        self._forget = forget
        self._lifetime = self._live()

    async def open(self) -> None:
        """Have the connections closed at the end of the event loop, if nobody closes them before."""
        await anext(self._lifetime)

    async def close(self) -> None:
        """Close the connections."""
        await self._lifetime.aclose()

    def stop(self) -> None:
        """Wake those who wait; may be called from another thread."""
        with suppress(RuntimeError):  # the event loop is closed
            self._loop.call_soon_threadsafe(self._stopped.set)

    async def is_stopped_within(self, seconds: float) -> bool:
        """Sleep; return at once, and True, when the driver is stopped."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        return self._stopped.is_set()

    async def wait_for(self, signal: Signal, seconds: float | None, until_stopped: bool) -> None:
        """Wait until `signal` is set."""
        wanted = asyncio.wrap_future(signal)
        try:
            await self.first_of(wanted, seconds, until_stopped=until_stopped)
        finally:
            wanted.cancel()

    async def first_of(self, wanted: asyncio.Future[Any], seconds: float | None = None, *, until_stopped: bool) -> None:
        """Wait until `wanted` is done, for `seconds` at most, or until the driver is stopped."""
        stopped = asyncio.ensure_future(self._stopped.wait())
        waiting = (wanted, stopped) if until_stopped else (wanted,)
        try:
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            await asyncio.wait((stopped,))

    async def _live(self) -> AsyncGenerator[None, None]:
        """An event loop ends its asynchronous generators before it closes (`loop.shutdown_asyncgens`)."""
        try:
            yield
        finally:
            self._forget()
            await self.client.aclose()


def _with_address(answers: list[Any], address: BrokerAddress) -> list[Any]:
    """The same answers; errors, those within the answer of a transaction as well, know the server."""
    for answer in answers:
        for one in answer if isinstance(answer, list) else (answer,):
            if isinstance(one, Exception):
                with_address(one, address)
    return answers


def _connect(kind: Any, retry: object, address: BrokerAddress, settings: Settings) -> Any:
    """A client that does not retry by itself: the plans do, within a bound. Replies are as Redis gives them."""
    timeout = settings.publish_timeout_seconds
    options = address.client_options()
    client = kind(**options, protocol=2, socket_timeout=timeout, socket_connect_timeout=timeout, retry=retry)
    client.response_callbacks.clear()
    return client
