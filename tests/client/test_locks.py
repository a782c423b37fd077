"""The lock that plans wait for: one at a time, in order, and nobody waits for one that is gone."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import Any, Final

import pytest

from flowledger.client.drivers import AsyncDriver, Driver
from flowledger.client.plans.locks import Lock, holding
from flowledger.client.plans.steps import Plan, Signal, Sleep, Step, WaitFor
from flowledger.domain.settings import Settings
from tests.client.agents import in_thread
from tests.client.publishers import Loop
from tests.client.test_faults import within
from tests.waiting import wait_until

SETTINGS: Final = Settings.load(redis_url="redis://127.0.0.1:1/0")


def until(signal: Signal, told: list[str], name: str = "") -> Plan[str]:
    """Tells that it has begun, and ends when the signal is set."""
    told.append(name)
    yield WaitFor(signal, None)
    return name


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.end()


@pytest.fixture
def driver() -> Iterator[Driver]:
    with closing(Driver(SETTINGS)) as driver:
        yield driver


def has_queued(lock: Lock, count: int) -> bool:
    return len(lock._queue) == count


def waiting(lock: Lock) -> int:
    return len(lock._queue) - 1


def test_a_plan_that_waits_takes_one_step_however_long_it_is() -> None:
    lock, held = Lock(), Signal()
    assert lock.enter(held)
    plan = holding(lock, until(Signal(), []))
    step: Step = next(plan)
    assert isinstance(step, WaitFor)
    assert not step.signal.done()
    lock.leave(held)
    assert step.signal.done()
    assert lock.is_held_by(step.signal)
    plan.close()
    assert lock.enter(Signal())


def test_threads_have_it_one_at_a_time_in_their_order(driver: Driver) -> None:
    lock, go, told = Lock(), Signal(), list[str]()
    ends = []
    for place, name in enumerate("abc"):
        ends.append(in_thread(driver.follow, holding(lock, until(go, told, name))))
        wait_until(partial(has_queued, lock, place + 1))
    assert told == ["a"]
    go.set()
    assert [end.result() for end in ends] == ["a", "b", "c"]
    assert told == ["a", "b", "c"]


def test_tasks_and_threads_wait_for_one_another(driver: Driver, loop: Loop) -> None:
    lock, go, told = Lock(), Signal(), list[str]()
    other = AsyncDriver(SETTINGS)
    first = loop.start(other.follow(holding(lock, until(go, told, "task"))))
    wait_until(lambda: told)
    second = in_thread(driver.follow, holding(lock, until(go, told, "thread")))
    wait_until(lambda: waiting(lock) == 1)
    third = loop.start(other.follow(holding(lock, until(go, told, "last"))))
    wait_until(lambda: waiting(lock) == 2)
    go.set()
    assert [one.result() for one in (first, second, third)] == ["task", "thread", "last"]
    loop.run(other.close())


def test_it_is_not_waited_for_longer_than_said(driver: Driver, loop: Loop) -> None:
    lock, held = Lock(), Signal()
    lock.enter(held)
    other = AsyncDriver(SETTINGS)
    with within(2):
        assert driver.follow(holding(lock, until(Signal(), []), 0.05)) is None
        assert loop.run(other.follow(holding(lock, until(Signal(), []), 0.05))) is None
    assert waiting(lock) == 0
    loop.run(other.close())


def test_who_waits_ends_when_the_driver_is_stopped(driver: Driver, loop: Loop) -> None:
    lock, held = Lock(), Signal()
    lock.enter(held)
    other = AsyncDriver(SETTINGS)
    ends = [
        in_thread(driver.follow, holding(lock, until(Signal(), [])), until_stopped=True),
        loop.start(other.follow(holding(lock, until(Signal(), [])), until_stopped=True)),
    ]
    wait_until(lambda: waiting(lock) == 2)
    driver.stop()
    other.stop()
    assert [end.result(5) for end in ends] == [None, None]
    assert waiting(lock) == 0
    with within(2):
        assert driver.follow(holding(lock, until(Signal(), [])), until_stopped=True) is None
    loop.run(other.close())


@pytest.mark.parametrize("is_released_first", [True, False])
def test_who_is_cancelled_passes_it_on(is_released_first: bool) -> None:
    """Also where it was just given to it, and it had no time to see that."""
    lock, held, told = Lock(), Signal(), list[str]()
    lock.enter(held)

    async def cancelled() -> None:
        driver = AsyncDriver(SETTINGS)
        go = Signal()
        go.set()
        waiters = [asyncio.ensure_future(driver.follow(holding(lock, until(go, told, name)))) for name in "ab"]
        while waiting(lock) < 2:
            await asyncio.sleep(0)
        if is_released_first:
            lock.leave(held)
        waiters[0].cancel()
        if not is_released_first:
            lock.leave(held)
        assert await asyncio.wait_for(waiters[1], 5) == "b"
        with pytest.raises(asyncio.CancelledError):
            await waiters[0]
        await driver.close()

    asyncio.run(cancelled())
    assert told == ["b"]
    assert lock.enter(Signal())


@pytest.mark.parametrize("holds", [True, False])
def test_an_interrupt_gives_it_back(driver: Driver, holds: bool) -> None:
    lock, held, told = Lock(), Signal(), list[str]()
    if not holds:
        lock.enter(held)
    main = threading.main_thread().ident or 0

    def interrupt() -> None:
        wait_until(lambda: told if holds else waiting(lock) == 1)
        signal.pthread_kill(main, signal.SIGINT)

    interrupting = in_thread(interrupt)
    with pytest.raises(KeyboardInterrupt):
        driver.follow(holding(lock, until(Signal(), told, "x")))
    interrupting.result()
    lock.leave(held)
    assert lock.enter(Signal())


def test_an_error_gives_it_back(driver: Driver) -> None:
    def failing() -> Plan[None]:
        yield Sleep(0)
        raise LookupError

    lock = Lock()
    for _ in range(2):
        with pytest.raises(LookupError):
            driver.follow(holding(lock, failing()))


def test_a_signal_is_set_once_and_whoever_asks_later_need_not_wait(driver: Driver, loop: Loop) -> None:
    done = Signal()
    done.set()
    done.set()
    other = AsyncDriver(SETTINGS)
    steps: list[Any] = []
    with within(2):
        driver.follow(until(done, steps))
        loop.run(other.follow(until(done, steps)))
    assert len(steps) == 2
    loop.run(other.close())
